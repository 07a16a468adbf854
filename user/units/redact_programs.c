// SPDX-License-Identifier: GPL-2.0-or-later
/* redact_programs.c - options that take a secret and whose name does not say so. */
#include "units/redact_impl.h"

#include <string.h>

static const struct program {
	const char *name;	/* a prefix of its file's name, in lower case */
	const char *option;
	bool glued, apart;	/* -pX, -p X */
	enum secrecy secrecy;
} programs[] = {
	{ "mysql", "-p", true, false, SECRET },
	{ "mariadb", "-p", true, false, SECRET },
	{ "sshpass", "-p", true, true, SECRET },
	{ "mongo", "-p", true, true, SECRET },
	{ "rabbitmqadmin", "-p", true, true, SECRET },
	{ "redis-cli", "-a", true, true, SECRET },
	{ "curl", "-u", true, true, SECRET_PAIR },
	{ "curl", "--user", false, true, SECRET_PAIR },
	{ "curl", "-U", true, true, SECRET_PAIR },
	{ "curl", "--proxy-user", false, true, SECRET_PAIR },
	{ "curl", "-b", true, true, SECRET },
	{ "http", "-a", true, true, SECRET_PAIR },
	{ "ldap", "-w", true, true, SECRET },
	{ "smbclient", "-U", true, true, SECRET_PAIR },
	{ "7z", "-p", true, false, SECRET },
	{ "unzip", "-P", true, true, SECRET },
	{ "zip", "-P", true, true, SECRET },
	{ "sqlcmd", "-P", true, true, SECRET },
	{ "ipmitool", "-P", true, true, SECRET },
	{ "openssl", "-k", false, true, SECRET },
	{ "openssl", "-K", false, true, SECRET },
	{ "openssl", "-passin", false, true, SECRET },
	{ "openssl", "-passout", false, true, SECRET },
	{ "lftp", "-u", true, true, SECRET_PAIR },
	{ "snmp", "-A", true, true, SECRET },
	{ "snmp", "-X", true, true, SECRET },
};

#define N_PROGRAMS ((int)(sizeof(programs) / sizeof(programs[0])))

int secret_program(struct span path)
{
	/* "mysql", "/usr/bin/mysqldump" */
	for (size_t i = path.n; i--; ) {
		if (path.p[i] != '/')
			continue;
		path.p += i + 1;
		path.n -= i + 1;
		break;
	}
	if (!path.n || path.n > 32)
		return -1;
	for (int i = 0; i < N_PROGRAMS; i++)
		if (span_begins(path, programs[i].name))
			return i;
	return -1;
}

enum secrecy secret_option(int program, struct span word, size_t *glued)
{
	if (program < 0 || word.n < 2)
		return OPEN;
	for (int i = program; i < N_PROGRAMS; i++) {
		const struct program *k = &programs[i];
		size_t n = strlen(k->option);

		if (strcmp(k->name, programs[program].name))
			break;
		/* case matters: mysql's -P is its port */
		if (word.n < n || memcmp(word.p, k->option, n))
			continue;
		if (word.n == n && k->apart) {
			*glued = 0;
			return k->secrecy;
		}
		if (k->glued) {
			*glued = n;
			return k->secrecy;
		}
	}
	return OPEN;
}
