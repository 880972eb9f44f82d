#pragma once

#include <string>

#include "compiler/dag/activity_dag.h"
#include "plugins/sdk/resource_graph.h"

namespace holdfast::compiler {

// The languages in which graphs are drawn: DOT (graphviz; `dot -Tsvg` makes an SVG of it) and
// Mermaid (what git hosts render in Markdown).
enum class PictureFormat { kDot, kMermaid };

// Pictures are pure functions of their input: the same bytes for the same graph. Names come from
// tenants: they are printable, cut after 60 characters, and escaped so that neither language reads
// anything in them as its own.

// The resource graph: a box for each resource, an arrow from parent to child.
std::string DrawResourceGraph(const ResourceGraph& graph, PictureFormat format);

// The activity DAG: the steps, those of one resource in a frame, and its reduced order with the
// colours of the specification's links (green: a parent's pre before its dependents' pre; yellow:
// pre before parallel; red: parallel before post; indigo: post before the parent's post) and a
// fifth (deepskyblue) for the links of pre_finish; with a legend. A link that stands for several
// through activities that do not exist has the colour of the last one. Gates are not drawn.
std::string DrawActivityDag(const ResourceGraph& graph, const ActivityDag& dag,
                            PictureFormat format);

}  // namespace holdfast::compiler
