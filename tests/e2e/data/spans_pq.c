/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spans_pq CONNINFO N: N queries of 2 ms by libpq, whose headers need not be there. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void *PQconnectdb(const char *conninfo);
int PQstatus(void *conn);
void *PQexec(void *conn, const char *query);
int PQresultStatus(void *res);
void PQclear(void *res);
void PQfinish(void *conn);

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	void *conn = PQconnectdb(argv[1]);
	long long spent = 0, t;
	int n = argc > 2 ? atoi(argv[2]) : 0, failed = 0;

	if (PQstatus(conn))
		return 2;
	for (int i = 0; i < n; i++) {
		void *res;

		t = now();
		res = PQexec(conn, "select pg_sleep(0.002)");
		spent += now() - t;
		failed += PQresultStatus(res) != 2;
		PQclear(res);
	}
	PQfinish(conn);
	printf("{\"count\": %d, \"failed\": %d, \"ns\": %lld}\n", n, failed, spent);
	return 0;
}
