// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include "figures.h"

json_t *figures_measure(bool print)
{
	return json_object();
}
