/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/raw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/rawpy.h"

/* What a process had mapped; shared by the stacks that saw the same. */
struct maps {
	__u64 image;
	unsigned refs, n;
	struct wt_mapping map[];
};

/* More of a stack. */
struct more {
	struct more *next;
	bool old;			/* it has waited for its stack once */
	struct wt_ev_rawmore e;		/* its bytes behind it */
};

struct waiting {
	struct waiting *next;
	struct more *more[WT_RAW_MORES];	/* NULL: none */
	struct maps *maps;	/* NULL: not known */
	__u32 awaits;		/* the object, 0: not walked yet */
	bool awaits_vm;		/* it has frames in code that belongs to no file */
	struct wt_py py;	/* of its process, if the stack has frames of Python's */
	struct wt_ev_raw e;	/* its stack behind it */
};

struct raw {
	struct raw_ops ops;
	struct waiting *head, **tail;	/* oldest first */
	struct more *more;		/* whose stacks have not come yet, newest first */
	struct maps *last;		/* of the last that came in; holds a reference */
	size_t max_bytes;
	struct raw_stats stats;
	struct wt_mapping collected[WT_MAX_MAPPINGS];
	struct rawwalk walk;
	struct {			/* struct wt_ev_stack, with its frames */
		struct wt_event h;
		__u64 id;
		__u32 tgid;
		__u16 n;
		__u8 user, end;
		__u64 ip[WT_MAX_FRAMES];
	} out;
};
_Static_assert(offsetof(struct raw, out.ip) - offsetof(struct raw, out) == sizeof(struct wt_ev_stack),
	       "frames follow the header");

int raw__new(struct raw **out, const struct raw_ops *ops, size_t max_bytes)
{
	struct raw *r = calloc(1, sizeof(*r));

	*out = r;
	if (!r)
		return -ENOMEM;
	r->ops = *ops;
	r->tail = &r->head;
	r->max_bytes = max_bytes;
	return 0;
}

static size_t maps_bytes(const struct maps *m)
{
	return sizeof(*m) + m->n * sizeof(m->map[0]);
}

static void put_maps(struct raw *r, struct maps *m)
{
	if (!m || --m->refs)
		return;
	r->stats.bytes -= maps_bytes(m);
	free(m);
}

/* The mappings of that process then, with a reference; NULL: not known, or (-ENOMEM in *err) no memory. */
static struct maps *get_maps(struct raw *r, const struct wt_ev_raw *e, int *err)
{
	int n = r->ops.mappings(r->ops.ctx, e->tgid, e->h.ts_ns, r->collected, WT_MAX_MAPPINGS);
	struct maps *m = r->last;

	*err = 0;
	if (n < 0)
		return NULL;
	if (m && m->image == e->image && m->n == (unsigned)n &&
	    !memcmp(m->map, r->collected, n * sizeof(m->map[0]))) {
		m->refs++;
		return m;
	}
	m = malloc(sizeof(*m) + n * sizeof(m->map[0]));
	if (!m) {
		*err = -ENOMEM;
		return NULL;
	}
	m->image = e->image;
	m->n = n;
	memcpy(m->map, r->collected, n * sizeof(m->map[0]));
	r->stats.bytes += maps_bytes(m);
	put_maps(r, r->last);
	r->last = m;
	m->refs = 2;
	return m;
}

static size_t more_bytes(const struct more *m)
{
	return m ? sizeof(*m) + m->e.size : 0;
}

static size_t waiting_bytes(const struct waiting *w)
{
	size_t sum = sizeof(*w) + w->e.size;

	for (unsigned i = 0; i < WT_RAW_MORES; i++)
		sum += more_bytes(w->more[i]);
	return sum;
}

int raw__put_more(struct raw *r, const struct wt_ev_rawmore *e, size_t size)
{
	struct more *m;

	if (size < sizeof(*e) || e->size > WT_RAW_HALF || size < sizeof(*e) + e->size)
		return 0;
	m = malloc(sizeof(*m) + e->size);
	if (!m)
		return -ENOMEM;
	memcpy(&m->e, e, sizeof(*e) + e->size);
	m->old = false;
	m->next = r->more;
	r->more = m;
	r->stats.bytes += more_bytes(m);
	return 0;
}

static struct more *take_more(struct raw *r, __u64 id)
{
	for (struct more **at = &r->more, *m; (m = *at); at = &m->next) {
		if (m->e.id != id)
			continue;
		*at = m->next;
		r->stats.bytes -= more_bytes(m);
		return m;
	}
	return NULL;
}

/* Those whose stack found the ring full; it comes right behind them. */
static void drop_more(struct raw *r, bool all)
{
	struct more **at = &r->more, *m;

	while ((m = *at)) {
		if (!m->old && !all) {
			m->old = true;
			at = &m->next;
			continue;
		}
		*at = m->next;
		r->stats.bytes -= more_bytes(m);
		free(m);
	}
}

int raw__put(struct raw *r, const struct wt_ev_raw *e, size_t size)
{
	struct waiting *w;
	int err;

	if (size < sizeof(*e) || e->size > WT_RAW_STACK || e->low > e->size ||
	    e->n > WT_MAX_FRAMES || e->head > e->n || size < sizeof(*e) + e->size)
		return 0;
	w = malloc(sizeof(*w) + e->size);
	if (!w)
		return -ENOMEM;
	w->maps = get_maps(r, e, &err);
	if (err) {
		free(w);
		return err;
	}
	w->next = NULL;
	w->awaits = 0;
	w->awaits_vm = false;
	memset(&w->py, 0, sizeof(w->py));
	for (unsigned i = 0; i < WT_RAW_MORES; i++)
		w->more[i] = take_more(r, e->id);
	if (rawpy__needed(e))
		r->ops.python(r->ops.ctx, e->tgid, &w->py);
	memcpy(&w->e, e, sizeof(*e) + e->size);
	*r->tail = w;
	r->tail = &w->next;
	r->stats.waiting++;
	r->stats.bytes += waiting_bytes(w);
	return 0;
}

/* The frames of the walk, or where it would have begun if nothing is known of the process. */
static int hand_out(struct raw *r, const struct waiting *w, raw_done_fn done, void *ctx)
{
	struct rawwalk *walk = &r->walk;

	if (!w->maps) {
		walk->frame[0] = w->e.ip & ((1ULL << 60) - 1);
		walk->n = 1;
		walk->end = WT_END_NO_SPACE;
	}
	if (rawpy__needed(&w->e))
		rawpy__merge(&w->e, &w->py, walk);
	r->stats.walked++;
	r->stats.given_up += walk->end == WT_END_NO_SPACE || walk->end == WT_END_NO_TABLE;
	r->out.h = (struct wt_event){ .type = WT_EV_STACK, .ts_ns = w->e.h.ts_ns };
	r->out.id = w->e.id;
	r->out.tgid = w->e.tgid;
	r->out.user = 1;
	r->out.n = walk->n < WT_MAX_FRAMES ? walk->n : WT_MAX_FRAMES;
	r->out.end = walk->end;
	memcpy(r->out.ip, walk->frame, r->out.n * sizeof(r->out.ip[0]));
	return done(ctx, (const struct wt_ev_stack *)&r->out,
		    sizeof(struct wt_ev_stack) + r->out.n * sizeof(r->out.ip[0]));
}

static void free_waiting(struct raw *r, struct waiting *w)
{
	put_maps(r, w->maps);
	for (unsigned i = 0; i < WT_RAW_MORES; i++)
		free(w->more[i]);
	free(w);
}

static enum raw_vm vm_of(struct raw *r, const struct waiting *w)
{
	return r->ops.vm ? r->ops.vm(r->ops.ctx, &w->e, w->maps->map, w->maps->n) : RAW_VM_NONE;
}

/* The walk, from where the kernel side left off, went through code that belongs to no file. */
static bool is_anonymous(const struct raw *r, const struct waiting *w)
{
	for (unsigned i = w->e.head; i < r->walk.n; i++)
		if (WT_FRAME_TAG(r->walk.frame[i]) == WT_FRAME_ADDR)
			return true;
	return false;
}

/* The object whose rows a walk ended for want of, if they are to come, or just have; 0: they are not. */
static __u32 lacks(struct raw *r)
{
	__u32 object = r->walk.awaits;
	struct wt_rule rule;

	return object && r->ops.walk.rule(r->ops.walk.ctx, object, 0, &rule) != -ENOENT ? object : 0;
}

/*
 * Code of a VM keeps no frame pointers, which the walk had to go by: its stacks are walked by what
 * the VM says, as soon as that is known.  True when there is nothing more to wait for.
 */
static bool settled_vm(struct raw *r, struct waiting *w, const struct wt_ev_rawmore *const *more, bool last)
{
	enum raw_vm vm = vm_of(r, w);

	w->awaits_vm = vm == RAW_VM_COMING;
	if (vm == RAW_VM_KNOWN && r->ops.walk_vm(r->ops.ctx, &w->e, more, &r->walk))
		w->awaits = lacks(r);
	return last || (!w->awaits && !w->awaits_vm);
}

/* True when it is walked to its end, or as far as it will ever be. */
static bool settled(struct raw *r, struct waiting *w, bool last)
{
	const struct wt_ev_rawmore *more[WT_RAW_MORES];

	if (!w->maps)
		return true;
	if (!last && w->awaits && r->ops.coming(r->ops.ctx, w->awaits))
		return false;
	if (!last && w->awaits_vm && vm_of(r, w) == RAW_VM_COMING)
		return false;
	for (unsigned i = 0; i < WT_RAW_MORES; i++)
		more[i] = w->more[i] ? &w->more[i]->e : NULL;
	rawwalk(&w->e, more, w->maps->map, w->maps->n, &r->ops.walk, &r->walk);
	w->awaits = r->walk.awaits;
	if (!rawpy__needed(&w->e) && is_anonymous(r, w))
		return settled_vm(r, w, more, last);
	return last || !w->awaits;
}

int raw__work(struct raw *r, bool last, raw_done_fn done, void *ctx)
{
	struct waiting **at = &r->head;
	int err = 0;

	while (*at && !err) {
		struct waiting *w = *at;

		if (!settled(r, w, last || r->stats.bytes > r->max_bytes)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		err = hand_out(r, w, done, ctx);
		r->stats.waiting--;
		r->stats.bytes -= waiting_bytes(w);
		free_waiting(r, w);
	}
	drop_more(r, false);
	/* the list ends where the walk over it did, unless an error cut that short */
	while (*at)
		at = &(*at)->next;
	r->tail = at;
	return err;
}

void raw__stats(const struct raw *r, struct raw_stats *out)
{
	*out = r->stats;
}

void raw__free(struct raw *r)
{
	if (!r)
		return;
	while (r->head) {
		struct waiting *next = r->head->next;

		free_waiting(r, r->head);
		r->head = next;
	}
	put_maps(r, r->last);
	drop_more(r, true);
	free(r);
}
