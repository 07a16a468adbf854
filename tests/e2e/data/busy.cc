// SPDX-License-Identifier: GPL-2.0-or-later
// C++ that is busy for argv[1] seconds: virtual calls, templates, exceptions, threads that wait for each other.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using clock_type = std::chrono::steady_clock;

static std::mutex lock;
static std::condition_variable turned;
static long turns;

struct Work {
	virtual ~Work() {}
	virtual long run(int n) = 0;
};

struct Count : Work {
	long run(int n) override
	{
		std::map<std::string, int> seen;
		std::regex key("key([0-9]+)7");
		long sum = 0;

		for (int i = 0; i < n; i++) {
			std::ostringstream name;
			name << "key" << i % 997;
			seen[name.str()]++;
		}
		for (auto &p : seen) {
			std::smatch match;
			if (std::regex_search(p.first, match, key))
				sum += p.second;
		}
		return sum;
	}
};

struct Sort : Work {
	long run(int n) override
	{
		std::vector<std::string> names;

		for (int i = 0; i < n; i++)
			names.push_back(std::to_string((i * 7919L) % 100003));
		std::sort(names.begin(), names.end());
		return names[0].size();
	}
};

static void throws(int n)
{
	std::string s(n, 'a');

	if (!n)
		throw std::runtime_error("done");
	throws(n - 1);
}

static void busy(clock_type::time_point end, Work *work, int n)
{
	while (clock_type::now() < end) {
		work->run(n);
		try {
			throws(20);
		} catch (std::exception &) {
		}
		std::unique_lock<std::mutex> held(lock);
		turns++;
		turned.notify_all();
		turned.wait_for(held, std::chrono::milliseconds(2));
	}
}

int main(int argc, char **argv)
{
	auto end = clock_type::now() + std::chrono::seconds(argc > 1 ? atoi(argv[1]) : 3);
	std::vector<std::thread> threads;
	Count count;
	Sort sort;

	for (int i = 0; i < 3; i++)
		threads.emplace_back(busy, end, i ? (Work *)&count : (Work *)&sort, 3000 + i);
	for (auto &t : threads)
		t.join();
}
