#pragma once

#include <functional>
#include <optional>
#include <thread>

namespace holdfast::runtime {

// Starts a thread that takes no signals: they are the main thread's, which sits in calls that a
// signal has to interrupt. nullopt when the system gives no more threads.
std::optional<std::thread> StartWorkerThread(std::function<void()> work);

}  // namespace holdfast::runtime
