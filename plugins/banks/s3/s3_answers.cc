#include "plugins/banks/s3/s3_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>

namespace holdfast::banks::s3 {

namespace {

// "2026-11-29T04:22:34.000Z", with or without a fraction.
WallTime TimeOf(std::string_view text) {
  constexpr std::size_t kSeconds = 19;
  const std::string_view seconds = text.substr(0, kSeconds);
  const std::string_view fraction = text.substr(std::min(kSeconds, text.size()), 4);
  std::string whole(seconds);
  whole += fraction.size() == 4 && fraction.front() == '.' ? std::string(fraction) : ".000";
  const auto time = ParseTime(whole + "Z");
  return time ? *time : WallTime();
}

std::string Unquoted(std::string text) {
  std::erase(text, '"');
  return text;
}

Result<pugi::xml_node> Root(pugi::xml_document& document, std::string_view xml, const char* name) {
  const auto parsed = document.load_buffer(xml.data(), xml.size());
  const pugi::xml_node root = document.child(name);
  if (!parsed || !root) return Corrupt(fmt::format("the server's answer is no {}", name));
  return root;
}

}  // namespace

Result<ListPage> ParseListPage(std::string_view xml) {
  pugi::xml_document document;
  HOLDFAST_ASSIGN_OR_RETURN(const pugi::xml_node root, Root(document, xml, "ListBucketResult"));
  ListPage page;
  for (const pugi::xml_node entry : root.children("Contents")) {
    StoredObject object;
    object.name = entry.child_value("Key");
    object.size = entry.child("Size").text().as_ullong();
    object.etag = Unquoted(entry.child_value("ETag"));
    object.written = TimeOf(entry.child_value("LastModified"));
    // Left out, it could be the page's end.
    if (object.name.empty()) return Corrupt("the server's listing has an object without a name");
    page.objects.push_back(std::move(object));
  }
  if (root.child("IsTruncated").text().as_bool()) {
    page.next = root.child_value("NextContinuationToken");
    if (page.next.empty()) return Corrupt("the server says that a listing goes on, and not where");
  }
  return page;
}

Result<UploadPage> ParseUploadPage(std::string_view xml) {
  pugi::xml_document document;
  HOLDFAST_ASSIGN_OR_RETURN(const pugi::xml_node root,
                            Root(document, xml, "ListMultipartUploadsResult"));
  UploadPage page;
  for (const pugi::xml_node entry : root.children("Upload")) {
    OpenUpload upload{entry.child_value("Key"), entry.child_value("UploadId"),
                      TimeOf(entry.child_value("Initiated"))};
    if (!upload.name.empty() && !upload.id.empty()) page.uploads.push_back(std::move(upload));
  }
  if (root.child("IsTruncated").text().as_bool()) {
    page.next_name = root.child_value("NextKeyMarker");
    page.next_id = root.child_value("NextUploadIdMarker");
    if (page.next_name.empty())
      return Corrupt("the server says that a list of uploads goes on, and not where");
  }
  return page;
}

Result<PartPage> ParsePartPage(std::string_view xml) {
  pugi::xml_document document;
  HOLDFAST_ASSIGN_OR_RETURN(const pugi::xml_node root, Root(document, xml, "ListPartsResult"));
  PartPage page;
  for (const pugi::xml_node entry : root.children("Part")) {
    StoredObject part;
    part.size = entry.child("Size").text().as_ullong();
    part.written = TimeOf(entry.child_value("LastModified"));
    page.parts.push_back(std::move(part));
  }
  if (root.child("IsTruncated").text().as_bool()) {
    page.next = root.child_value("NextPartNumberMarker");
    if (page.next.empty())
      return Corrupt("the server says that a list of parts goes on, and not where");
  }
  return page;
}

Result<std::string> ParseUploadId(std::string_view xml) {
  pugi::xml_document document;
  HOLDFAST_ASSIGN_OR_RETURN(const pugi::xml_node root,
                            Root(document, xml, "InitiateMultipartUploadResult"));
  std::string id = root.child_value("UploadId");
  if (id.empty()) return Corrupt("the server's upload has no id");
  return id;
}

bool IsCompleted(std::string_view xml) {
  pugi::xml_document document;
  return Root(document, xml, "CompleteMultipartUploadResult").has_value();
}

S3Error ParseS3Error(std::string_view xml) {
  pugi::xml_document document;
  const auto root = Root(document, xml, "Error");
  if (!root) return {};
  return {root->child_value("Code"), root->child_value("Message"), root->child_value("Region")};
}

std::string CompleteUpload(const std::vector<std::string>& etags) {
  std::string xml = "<CompleteMultipartUpload>";
  for (std::size_t i = 0; i < etags.size(); ++i) {
    xml +=
        fmt::format("<Part><PartNumber>{}</PartNumber><ETag>\"{}\"</ETag></Part>", i + 1, etags[i]);
  }
  return xml + "</CompleteMultipartUpload>";
}

}  // namespace holdfast::banks::s3
