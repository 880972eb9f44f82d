#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/banks/object_store/object_store.h"
#include "plugins/sdk/result.h"

namespace holdfast::banks::s3 {

// What an S3 server says in XML (https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html and its like).
// kCorrupt for what is none of these.

struct ListPage {
  std::vector<StoredObject> objects;
  std::string next;  // the continuation token; empty: that was the last page
};
Result<ListPage> ParseListPage(std::string_view xml);

// Multipart uploads that were begun and have not ended.
struct OpenUpload {
  std::string name;
  std::string id;
  WallTime begun;
};
struct UploadPage {
  std::vector<OpenUpload> uploads;
  std::string next_name;  // behind which the next page begins; both empty: that was the last one
  std::string next_id;
};
Result<UploadPage> ParseUploadPage(std::string_view xml);

// The parts that an upload has so far; their name is none.
struct PartPage {
  std::vector<StoredObject> parts;
  std::string next;  // the part behind which the next page begins; empty: that was the last one
};
Result<PartPage> ParsePartPage(std::string_view xml);

// The id that a multipart upload has been given.
Result<std::string> ParseUploadId(std::string_view xml);

// Whether an upload is complete: an answer of status 200 may still say that it is not.
bool IsCompleted(std::string_view xml);

// An error: its code ("NoSuchKey") and message, and the region in which the server says that the bucket is (else empty). All empty
// where the text is no such thing.
struct S3Error {
  std::string code;
  std::string message;
  std::string region = {};
};
S3Error ParseS3Error(std::string_view xml);

// The body that completes a multipart upload of these parts' ETags, from part 1 on.
std::string CompleteUpload(const std::vector<std::string>& etags);

}  // namespace holdfast::banks::s3
