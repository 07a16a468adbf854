/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spans/x86.h"

#include <stdbool.h>
#include <string.h>

/*
 * What follows an opcode (Intel SDM volume 2, appendix A), 64-bit mode:
 *   .  nothing          m  ModRM             b  one byte        z  2 or 4 bytes
 *   M  ModRM, a byte    Z  ModRM, 2 or 4     w  2 bytes         e  3 bytes
 *   j  rel8             J  rel32             o  an address      v  as long as the register
 *   f  ModRM, a byte if reg is 0 or 1        F  the same with 2 or 4
 *   x  no instruction; prefixes and escapes are x too, as they come before
 */
static const char one_byte[] =
	"mmmmbzxx" "mmmmbzxx"	/* 00 */
	"mmmmbzxx" "mmmmbzxx"
	"mmmmbzxx" "mmmmbzxx"	/* 20 */
	"mmmmbzxx" "mmmmbzxx"
	"xxxxxxxx" "xxxxxxxx"	/* 40: REX */
	"........" "........"
	"xxxmxxxx" "zZbM...."	/* 60 */
	"jjjjjjjj" "jjjjjjjj"
	"MZxMmmmm" "mmmmmmmm"	/* 80 */
	"........" "..x....."
	"oooo...." "bz......"	/* a0 */
	"bbbbbbbb" "vvvvvvvv"
	"MMw.xxMZ" "e.w..bx."	/* c0 */
	"mmmmxxx." "mmmmmmmm"
	"jjjjbbbb" "JJxj...."	/* e0 */
	"x.xx..fF" "......mm";

static const char two_byte[] =
	"mmmmx..." "..x.xm.M"	/* 0f 00 */
	"mmmmmmmm" "mmmmmmmm"
	"mmmmxxxx" "mmmmmmmm"	/* 20 */
	"......x." "xxxxxxxx"
	"mmmmmmmm" "mmmmmmmm"	/* 40 */
	"mmmmmmmm" "mmmmmmmm"
	"mmmmmmmm" "mmmmmmmm"	/* 60 */
	"MMMMmmm." "mmxxmmmm"
	"JJJJJJJJ" "JJJJJJJJ"	/* 80 */
	"mmmmmmmm" "mmmmmmmm"
	"...mMmxm" "...mMmmm"	/* a0 */
	"mmmmmmmm" "mmMmmmmm"
	"mmMmMMMm" "........"	/* c0 */
	"mmmmmmmm" "mmmmmmmm"
	"mmmmmmmm" "mmmmmmmm"	/* e0 */
	"mmmmmmmm" "mmmmmmmm";

struct at {
	const __u8 *p, *end;
	bool opsize, addrsize, wide, notrack;
	unsigned map;		/* 0: one byte; 1: 0f, 2: 0f 38, 3: 0f 3a; 5, 6: of EVEX; 8 … 10: of XOP */
	bool vector;		/* VEX, EVEX or XOP */
	__u8 op, modrm, sib;
};

static bool take(struct at *a, __u8 *b)
{
	if (a->p >= a->end)
		return false;
	*b = *a->p++;
	return true;
}

/* VEX, EVEX and XOP: the map and the opcode behind them. */
static bool vector_prefix(struct at *a, __u8 first)
{
	__u8 b;

	a->vector = true;
	if (!take(a, &b))
		return false;
	if (first == 0xc5) {
		a->map = 1;
	} else if (first == 0x62) {
		a->map = b & 7;
		if (a->end - a->p < 3)
			return false;
		a->p += 2;
	} else {
		a->map = b & 31;
		if (!take(a, &b))
			return false;
	}
	return take(a, &a->op);
}

static bool opcode(struct at *a)
{
	__u8 b, rex = 0;

	for (;; rex = (b & 0xf0) == 0x40 ? b : 0) {
		if (!take(a, &b))
			return false;
		if (b == 0x66)
			a->opsize = true;
		else if (b == 0x67)
			a->addrsize = true;
		else if (b == 0x3e)
			a->notrack = true;
		else if ((b & 0xf0) != 0x40 && !memchr("\xf0\xf2\xf3\x2e\x36\x26\x64\x65", b, 8))
			break;
	}
	a->wide = rex & 8;
	if (b == 0xc4 || b == 0xc5 || b == 0x62 ||
	    (b == 0x8f && a->p < a->end && (*a->p & 31) >= 8))
		return vector_prefix(a, b);
	a->op = b;
	if (b != 0x0f)
		return true;
	a->map = 1;
	if (!take(a, &a->op))
		return false;
	if (a->op == 0x38 || a->op == 0x3a) {
		a->map = a->op == 0x38 ? 2 : 3;
		return take(a, &a->op);
	}
	return true;
}

static char follows(const struct at *a)
{
	switch (a->map) {
	case 0:
		return one_byte[a->op];
	case 1:
		return two_byte[a->op];
	case 2:
	case 5:
	case 6:
	case 9:
		return 'm';
	case 3:
	case 8:
		return 'M';
	case 10:
		return 'Z';
	}
	return 'x';
}

static bool modrm(struct at *a)
{
	unsigned mod, rm, disp;

	if (!take(a, &a->modrm))
		return false;
	mod = a->modrm >> 6;
	rm = a->modrm & 7;
	if (mod == 3)
		return true;
	if (rm == 4 && !take(a, &a->sib))
		return false;
	disp = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	if (!mod && (rm == 5 || (rm == 4 && (a->sib & 7) == 5)))
		disp = 4;
	if (a->end - a->p < (long)disp)
		return false;
	a->p += disp;
	return true;
}

/* How many bytes of immediate operand; the ModRM has been read. */
static unsigned immediate(const struct at *a, char what)
{
	unsigned z = a->opsize && !a->wide ? 2 : 4;
	bool test = (a->modrm >> 3 & 7) < 2;

	switch (what) {
	case 'b':
	case 'M':
	case 'j':
		return 1;
	case 'z':
	case 'Z':
		return z;
	case 'w':
		return 2;
	case 'e':
		return 3;
	case 'J':
		return 4;
	case 'o':
		return a->addrsize ? 4 : 8;
	case 'v':
		return a->wide ? 8 : z;
	case 'f':
		return test ? 1 : 0;
	case 'F':
		return test ? z : 0;
	}
	return 0;
}

static __s64 relative(const __u8 *p, unsigned n)
{
	__s32 v;

	if (n == 1)
		return (signed char)*p;
	memcpy(&v, p, sizeof(v));
	return v;
}

static enum x86_kind kind_of(const struct at *a)
{
	unsigned reg = a->modrm >> 3 & 7, mod = a->modrm >> 6, rm = a->modrm & 7;

	if (a->vector || a->map > 1)
		return X86_OTHER;
	if (a->map == 1)
		return a->op >= 0x80 && a->op <= 0x8f ? X86_BRANCH : X86_OTHER;
	switch (a->op) {
	case 0xc2:
	case 0xc3:
		return X86_RET;
	case 0xe8:
		return X86_CALL;
	case 0xe9:
	case 0xeb:
		return X86_JUMP;
	case 0xff:
		if (reg == 2)
			return X86_CALL;
		if (reg != 4)
			break;
		if (mod == 3)
			return X86_JUMP_REG;
		return rm == 4 && (a->sib >> 3 & 7) != 4 ? X86_JUMP_TABLE : X86_JUMP_MEM;
	case 0x63:
		return mod != 3 && rm == 4 ? X86_LOAD_INDEXED : X86_OTHER;
	case 0x01:
	case 0x03:
		return mod == 3 && a->wide ? X86_ADD_REG : X86_OTHER;
	}
	if ((a->op & 0xf0) == 0x70 || (a->op & 0xfc) == 0xe0)
		return X86_BRANCH;
	return X86_OTHER;
}

int x86__decode(const __u8 *code, size_t n, struct x86_insn *out)
{
	struct at a = { .p = code, .end = code + (n < 15 ? n : 15) };
	unsigned imm;
	char what;

	memset(out, 0, sizeof(*out));
	if (!opcode(&a))
		return -1;
	what = follows(&a);
	if (what == 'x' || (strchr("mMZfF", what) && !modrm(&a)))
		return -1;
	imm = immediate(&a, what);
	if (a.end - a.p < (long)imm)
		return -1;
	out->kind = kind_of(&a);
	if (what == 'j' || what == 'J')
		out->rel = relative(a.p, imm);
	out->len = a.p + imm - code;
	out->notrack = a.notrack;
	return 0;
}
