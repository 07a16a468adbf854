// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgroup.bpf.c - which control group tells most of a task, and its path.
 *
 * A task is in one group of each hierarchy.  The unified one counts where the task
 * is not at its root; else the version 1 hierarchy in which it lies deepest (systemd's
 * own among them), the one mounted first of several.
 */
#include "calls.bpf.h"

#define WT_HIERARCHIES 16

struct wt_cgroup_pick {
	struct list_head *at, *head;
	struct cgroup *group;
	__u32 level, hierarchy;
};

static long wt_cgroup_step(__u32 i, struct wt_cgroup_pick *best)
{
	struct list_head *at = best->at;
	struct cgrp_cset_link *link = (void *)at -
				      bpf_core_field_offset(struct cgrp_cset_link, cgrp_link);
	struct cgroup *group;
	__u32 level, hierarchy;

	if (!at || at == best->head)
		return 1;
	group = BPF_CORE_READ(link, cgrp);
	level = BPF_CORE_READ(group, level);
	hierarchy = BPF_CORE_READ(group, root, hierarchy_id);
	best->at = BPF_CORE_READ(at, next);
	if (!level || (int)level < 0)
		return 0;
	if (!hierarchy)
		level = ~0;
	if (best->group && (level < best->level ||
			    (level == best->level && hierarchy > best->hierarchy)))
		return 0;
	best->group = group;
	best->level = level;
	best->hierarchy = hierarchy;
	return 0;
}

/* All hierarchies hang on a task's set of groups, the unified one too. */
static __always_inline void wt_cgroup_pick(struct css_set *set, struct wt_cgroup_pick *best)
{
	struct list_head *head = (void *)set + bpf_core_field_offset(struct css_set, cgrp_links);

	best->head = head;
	best->at = BPF_CORE_READ(head, next);
	bpf_loop(WT_HIERARCHIES, wt_cgroup_step, best, 0);
}

static __always_inline struct kernfs_node *wt_kn_parent(struct kernfs_node *kn)
{
	struct kernfs_node *up = NULL;

	if (bpf_core_field_exists(kn->parent))
		bpf_core_read(&up, sizeof(up), &kn->parent);
	else
		bpf_core_read(&up, sizeof(up), &((struct kernfs_node___new *)kn)->__parent);
	return up;
}

static __always_inline void wt_cgroup_send(struct wt_cgroup_pick *p, __u64 id)
{
	struct cgroup *group = p->group;
	struct kernfs_node *kn = BPF_CORE_READ(group, kn), *up;
	struct wt_ev_cgroup *e;
	__u16 levels = 0;
	__u8 one = 1;

	if (bpf_map_lookup_elem(&seen, &id))
		return;
	e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	if (!e) {
		wt_lost(WT_LOSS_JOB);
		return;
	}
	e->h.type = WT_EV_CGROUP;
	e->h.zero = 0;
	e->h.ts_ns = bpf_ktime_get_ns();
	e->cgroup = id;
	e->hierarchy = p->hierarchy;
	for (int i = 0; i < WT_CGROUP_LEVELS; i++) {
		up = kn ? wt_kn_parent(kn) : NULL;
		e->name[i][0] = 0;
		if (!up)
			continue;		/* the root has no name */
		bpf_probe_read_kernel_str(e->name[i], WT_CGROUP_NAME, BPF_CORE_READ(kn, name));
		levels++;
		kn = up;
	}
	e->levels = levels;
	e->cut = kn && wt_kn_parent(kn);
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	bpf_map_update_elem(&seen, &id, &one, BPF_ANY);
}

__u64 wt_cgroup_of(__u64 task)
{
	struct task_struct *t = (void *)task;
	struct wt_cgroup_pick best = {};
	struct cgroup *group;
	struct css_set *set;
	__u64 id;

	if (!task)
		return 0;
	set = BPF_CORE_READ(t, cgroups);
	if (!set)
		return 0;
	wt_cgroup_pick(set, &best);
	group = best.group;
	if (!group)
		return 0;
	/* numbers of groups are those of their hierarchy only */
	id = wt_mix(wt_hash_add(BPF_CORE_READ(group, kn, id), best.hierarchy + 0x6367)) | 1;
	wt_cgroup_send(&best, id);
	return id;
}
