/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmds.h - the commands of `worktrace`, one file each.
 *
 * Each is called with its own name in argv[0] and returns a process exit
 * status, 0 to 255: 0 success, 1 failure, 2 usage, unless its help says
 * otherwise.  It has said what went wrong; main() only adds the check that
 * standard output took everything.
 */
#ifndef WT_CMDS_H
#define WT_CMDS_H

int cmd_record(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

#endif /* WT_CMDS_H */
