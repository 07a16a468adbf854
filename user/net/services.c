/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/services.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/*
 * What /etc/services lacks, or calls by names that nobody uses.  Sorted by use, not
 * by number: the first of a name is its port.
 */
static const struct {
	const char *name;
	__u16 port, proto;	/* 0: any protocol */
} table[] = {
	{ "postgres", 5432, IPPROTO_TCP },	{ "pgbouncer", 6432, IPPROTO_TCP },
	{ "mysql", 3306, IPPROTO_TCP },		{ "redis", 6379, IPPROTO_TCP },
	{ "redis-sentinel", 26379, IPPROTO_TCP }, { "memcached", 11211, 0 },
	{ "mongodb", 27017, IPPROTO_TCP },	{ "amqp", 5672, IPPROTO_TCP },
	{ "amqps", 5671, IPPROTO_TCP },		{ "rabbitmq-management", 15672, IPPROTO_TCP },
	{ "kafka", 9092, IPPROTO_TCP },		{ "zookeeper", 2181, IPPROTO_TCP },
	{ "nats", 4222, IPPROTO_TCP },		{ "mqtt", 1883, IPPROTO_TCP },
	{ "elasticsearch", 9200, IPPROTO_TCP },	{ "elasticsearch-transport", 9300, IPPROTO_TCP },
	{ "minio", 9000, IPPROTO_TCP },		{ "etcd", 2379, IPPROTO_TCP },
	{ "consul", 8500, IPPROTO_TCP },	{ "vault", 8200, IPPROTO_TCP },
	{ "cassandra", 9042, IPPROTO_TCP },	{ "mssql", 1433, IPPROTO_TCP },
	{ "oracle", 1521, IPPROTO_TCP },	{ "influxdb", 8086, IPPROTO_TCP },
	{ "beanstalkd", 11300, IPPROTO_TCP },	{ "gearman", 4730, IPPROTO_TCP },
	{ "http", 80, IPPROTO_TCP },		{ "https", 443, 0 },
	{ "http-alt", 8080, IPPROTO_TCP },	{ "https-alt", 8443, IPPROTO_TCP },
	{ "ssh", 22, IPPROTO_TCP },		{ "dns", 53, 0 },
	{ "ntp", 123, IPPROTO_UDP },		{ "smtp", 25, IPPROTO_TCP },
	{ "submission", 587, IPPROTO_TCP },	{ "imaps", 993, IPPROTO_TCP },
	{ "ldap", 389, 0 },			{ "ldaps", 636, IPPROTO_TCP },
	{ "kerberos", 88, 0 },			{ "nfs", 2049, 0 },
	{ "smb", 445, IPPROTO_TCP },		{ "rsync", 873, IPPROTO_TCP },
	{ "syslog", 514, IPPROTO_UDP },		{ "snmp", 161, IPPROTO_UDP },
	{ "statsd", 8125, IPPROTO_UDP },	{ "prometheus", 9090, IPPROTO_TCP },
	{ "node-exporter", 9100, IPPROTO_TCP },	{ "otlp", 4317, IPPROTO_TCP },
	{ "docker", 2375, IPPROTO_TCP },	{ "kubernetes", 6443, IPPROTO_TCP },
	{ "jenkins-agent", 50000, IPPROTO_TCP }, { "git", 9418, IPPROTO_TCP },
	{ "rtmp", 1935, IPPROTO_TCP },		{ "rtsp", 554, 0 },
};

#define N_TABLE (sizeof(table) / sizeof(table[0]))

const char *service__name(__u16 port, __u16 proto)
{
	const struct servent *s;

	if (!port)
		return "";
	for (size_t i = 0; i < N_TABLE; i++)
		if (table[i].port == port && (!table[i].proto || table[i].proto == proto))
			return table[i].name;
	s = getservbyport(htons(port), proto == IPPROTO_UDP ? "udp" : "tcp");
	return s && s->s_name ? s->s_name : "";
}

__u16 service__port(const char *name)
{
	const struct servent *s;

	for (size_t i = 0; i < N_TABLE; i++)
		if (!strcasecmp(table[i].name, name))
			return table[i].port;
	s = getservbyname(name, "tcp");
	if (!s)
		s = getservbyname(name, "udp");
	return s ? ntohs(s->s_port) : 0;
}
