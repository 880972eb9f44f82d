#pragma once

#include <chrono>
#include <string>

#include "runtime/retention/retention_policy.h"

namespace holdfast::testing_retention {

// Clocks of some zones, by rules that are written down here: a machine may have no time-zone database.

std::chrono::seconds Utc(std::chrono::sys_seconds time);
// One hour more from the last Sunday of March to that of October, from and to 01:00 UTC.
std::chrono::seconds Berlin(std::chrono::sys_seconds time);
// 3:30 behind; the clocks went back at one minute past midnight, so that a day began twice.
std::chrono::seconds StJohns(std::chrono::sys_seconds time);
// 10:30 ahead, and half an hour more in the southern summer: an hour of two halves.
std::chrono::seconds LordHowe(std::chrono::sys_seconds time);

// "2026-11-24T02:00:00Z", of UTC; a test that has another text ends.
WallTime At(const std::string& time);

}  // namespace holdfast::testing_retention
