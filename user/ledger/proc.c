/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proc.c - how many processes there were.
 *
 * A pid is used again and an exec makes a new address space, so neither counts
 * processes.  An address space (tgid, image) belongs to one process; the task
 * that calls exec has a record in the old one and one in the new: so processes
 * are the sets that such tasks connect (union-find).
 *
 * A process is forgotten once its leader's exit was seen and all its tasks are
 * folded, so that millions of them need no memory.  Should a thread outlive its
 * leader for longer than that, its process is counted again.
 */
#include "ledger/internal.h"

#include <errno.h>

static struct proc *proc_at(struct ledger *l, __u32 i)
{
	return pool__at(&l->procs, i);
}

static __u32 root_of(struct ledger *l, __u32 i)
{
	while (proc_at(l, i)->parent != i) {
		struct proc *p = proc_at(l, i);

		p->parent = proc_at(l, p->parent)->parent;
		i = p->parent;
	}
	return i;
}

static __u32 find_or_make(struct ledger *l, __u64 key)
{
	struct u64map_slot *slot = u64map__find(&l->by_proc, key);
	struct proc *p;
	__u32 i;

	if (slot)
		return slot->value;
	i = pool__get(&l->procs);
	if (!i)
		return 0;
	if (!u64map__put(&l->by_proc, key, i)) {
		pool__put(&l->procs, i);
		return 0;
	}
	p = proc_at(l, i);
	p->alive = true;
	p->parent = i;
	p->next = i;
	p->key = key;
	l->n_processes++;
	return i;
}

static void unite(struct ledger *l, __u32 a, __u32 b)
{
	struct proc *pa = proc_at(l, a), *pb = proc_at(l, b);
	__u32 next = pa->next;

	pb->parent = a;
	pa->refs += pb->refs;
	pa->leader_exited |= pb->leader_exited;
	/* swapping two successors joins two rings */
	pa->next = pb->next;
	pb->next = next;
	l->n_processes--;
}

static __u64 key_of(const struct wt_thread_rec *rec)
{
	return u64_mix(rec->image + 0x9e3779b97f4a7c15ULL * rec->tgid) ^ rec->tgid;
}

bool proc__is_known(const struct ledger *l, const struct wt_thread_rec *rec)
{
	return u64map__find(&l->by_proc, key_of(rec));
}

int proc__join(struct ledger *l, struct task *t, const struct wt_thread_rec *rec)
{
	__u32 i = find_or_make(l, key_of(rec));

	if (!i)
		return -ENOMEM;
	i = root_of(l, i);
	if (!t->proc) {
		t->proc = i;
		proc_at(l, i)->refs++;
	} else {
		__u32 own = root_of(l, t->proc);

		if (own != i)
			unite(l, own, i);
		t->proc = i = own;
	}
	if (rec->why == WT_REC_EXIT && rec->flags & WT_F_LEADER)
		proc_at(l, i)->leader_exited = true;
	return 0;
}

void proc__leave(struct ledger *l, struct task *t)
{
	__u32 root, i, next;

	if (!t->proc)
		return;
	root = root_of(l, t->proc);
	if (--proc_at(l, root)->refs || !proc_at(l, root)->leader_exited)
		return;
	for (i = proc_at(l, root)->next; ; i = next) {
		next = proc_at(l, i)->next;
		u64map__delete(&l->by_proc, proc_at(l, i)->key);
		pool__put(&l->procs, i);
		if (i == root)
			break;
	}
}
