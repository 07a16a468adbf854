/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Methods, overloads, operators, templates, and exceptions that pass through them. */
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

#define NOINLINE __attribute__((noinline, noclone))

static long long now()
{
	return std::chrono::duration_cast<std::chrono::nanoseconds>(
		std::chrono::steady_clock::now().time_since_epoch()).count();
}

static void burn(long us)
{
	for (long long end = now() + us * 1000; now() < end;)
		;
}

namespace app {

class Work {
	std::string name;
	long long *spent;

public:
	NOINLINE Work(const char *n, long long *s) : name(n), spent(s) { burn(1); }
	NOINLINE int run(int n);
	NOINLINE int run(const std::string &text, double x);
	NOINLINE int operator()(int n);
	NOINLINE bool operator<(const Work &other) const;
	template <class T> NOINLINE int convert(T x);
};

int Work::run(int n)
{
	long long t = now();

	burn(500);
	*spent += now() - t;
	if (n % 3 == 0)
		throw std::runtime_error(name);
	return n + name.size();
}

int Work::run(const std::string &text, double x)
{
	burn(20);
	return text.size() + x;
}

int Work::operator()(int n)
{
	burn(20);
	return run(n) + 1;	/* what it throws passes through here as well */
}

bool Work::operator<(const Work &other) const
{
	burn(20);
	return name < other.name;
}

template <class T> int Work::convert(T x)
{
	burn(20);
	return name.size() + x;
}

}

int main()
{
	int calls = 0, thrown = 0;
	long long spent = 0, sink = 0;

	for (int i = 0; i < 300; i++) {
		app::Work w("work", &spent);

		try {
			calls++;
			sink += i % 2 ? w.run(i) : w(i);
		} catch (const std::exception &) {
			thrown++;
		}
		sink += w.run("text", 2.5) + (w < w) + w.convert(1) + w.convert(1.5);
	}
	printf("{\"calls\": %d, \"thrown\": %d, \"ns\": %lld, \"sink\": %lld}\n", calls, thrown, spent, sink);
	return 0;
}
