/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WT_SYSTEM_JSON_H
#define WT_SYSTEM_JSON_H

#include "sinks/recording.h"

/* summary.json's "system" into o; 0 or -ENOMEM. */
int system_json(const struct recording *r, json_t *o);

#endif /* WT_SYSTEM_JSON_H */
