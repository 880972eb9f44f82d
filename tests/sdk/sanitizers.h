#pragma once

// Whether this is compiled for a sanitizer of memory or threads. gcc says it with a macro, clang with a
// feature that cannot stand in one condition with the question whether there are features.

#if defined(__SANITIZE_THREAD__)
#define HOLDFAST_THREAD_SANITIZER 1
#elif defined(__has_feature)
#define HOLDFAST_THREAD_SANITIZER __has_feature(thread_sanitizer)
#else
#define HOLDFAST_THREAD_SANITIZER 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define HOLDFAST_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#define HOLDFAST_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#else
#define HOLDFAST_ADDRESS_SANITIZER 0
#endif

namespace holdfast::testing {

/// Their shadow, and what they keep of memory that was freed, are no measure of ours.
inline constexpr bool kSanitized = HOLDFAST_ADDRESS_SANITIZER || HOLDFAST_THREAD_SANITIZER;

}  // namespace holdfast::testing
