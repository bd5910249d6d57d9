#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "util/ordered_work.h"

using tensorferry::OrderedWork;

TEST_CASE("results are used in the order of the work, by the thread that adds it") {
  for (unsigned threads : {1u, 2u, 5u}) {
    std::vector<int> used;
    std::atomic<int> held{0}, most{0};
    const auto self = std::this_thread::get_id();
    OrderedWork work(threads, 4);
    for (int i = 0; i < 100; ++i) {
      most = std::max(most.load(), ++held);
      work.add([i] { std::this_thread::sleep_for(std::chrono::microseconds(i % 7 * 50)); },
               [&, i] {
                 CHECK(std::this_thread::get_id() == self);
                 used.push_back(i);
                 --held;
               });
    }
    work.finish();
    std::vector<int> expected(100);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(used == expected);
    CHECK(most <= 4);
  }
}

TEST_CASE("what the work throws is thrown to the thread that adds it, and the rest is dropped") {
  for (unsigned threads : {1u, 3u}) {
    int used = 0;
    const auto run = [&] {
      OrderedWork work(threads, 3);
      for (int i = 0; i < 20; ++i) {
        work.add(
            [i] {
              if (i == 5) throw std::runtime_error("no");
            },
            [&] { ++used; });
      }
      work.finish();
    };
    CHECK_THROWS_AS(run(), std::runtime_error);
    CHECK(used == 5);
  }
}

TEST_CASE("no work at all") {
  OrderedWork work(2, 2);
  work.finish();
}
