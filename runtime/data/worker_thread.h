#pragma once

#include <functional>
#include <optional>
#include <semaphore>
#include <thread>

namespace holdfast::runtime {

// Starts a thread that takes no signals: they are the main thread's, which sits in calls that a
// signal has to interrupt. nullopt when the system gives no more threads.
std::optional<std::thread> StartWorkerThread(std::function<void()> work);

// How many of so many threads are to compute at once: as many as there are processors. More would not get done sooner, but all at
// the same time: then all send, or receive, at the same time, and in turns the processors and the other side have nothing to do.
unsigned ComputeAtOnce(unsigned threads);

// Lets so many threads at once do something.
class Turns {
 public:
  explicit Turns(unsigned at_once) : free_(at_once) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Waits until it is this thread's turn, which ends with this.
  class Turn {
   public:
    explicit Turn(Turns& turns) : turns_(turns) { turns_.free_.acquire(); }
    ~Turn() { turns_.free_.release(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Turns& turns_;
  };

 private:
  std::counting_semaphore<> free_;
};

}  // namespace holdfast::runtime
