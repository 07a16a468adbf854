/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/jvm_mem.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

static int read_process(void *ctx, __u64 at, void *buf, size_t n)
{
	struct iovec local = { buf, n }, remote = { (void *)(unsigned long)at, n };
	ssize_t got = process_vm_readv((pid_t)(unsigned long)ctx, &local, 1, &remote, 1, 0);

	if (got < 0)
		return -errno;
	return (size_t)got == n ? 0 : -EFAULT;
}

void jvm_mem__open(struct jvm_mem *m, __u32 tgid)
{
	m->read = read_process;
	m->ctx = (void *)(unsigned long)tgid;
	jvm_mem__flush(m);
}

void jvm_mem__flush(struct jvm_mem *m)
{
	memset(m->tag, 0, sizeof(m->tag));
}

static const char *page_of(struct jvm_mem *m, __u64 at, int *err)
{
	__u64 base = at & ~(__u64)(JVM_MEM_PAGE - 1);
	unsigned i = base / JVM_MEM_PAGE % JVM_MEM_PAGES;

	*err = 0;
	if (m->tag[i] == base + 1)
		return m->page[i];
	m->tag[i] = 0;
	*err = m->read(m->ctx, base, m->page[i], JVM_MEM_PAGE);
	if (*err)
		return NULL;
	m->tag[i] = base + 1;
	return m->page[i];
}

int jvm_mem__read(struct jvm_mem *m, __u64 at, void *buf, size_t n)
{
	char *to = buf;

	if (at + n < at)
		return -EFAULT;
	while (n) {
		size_t off = at % JVM_MEM_PAGE;
		size_t part = n < JVM_MEM_PAGE - off ? n : JVM_MEM_PAGE - off;
		int err;
		const char *page = page_of(m, at, &err);

		if (err)
			return err;
		memcpy(to, page + off, part);
		to += part;
		at += part;
		n -= part;
	}
	return 0;
}

int jvm_mem__string(struct jvm_mem *m, __u64 at, char *buf, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		int err = jvm_mem__read(m, at + i, buf + i, 1);

		if (err)
			return err;
		if (!buf[i])
			return 0;
	}
	return -ENAMETOOLONG;
}
