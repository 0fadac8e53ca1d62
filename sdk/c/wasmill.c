/* The SDK: one file to compile, in parts. Everything is static but what wasmill.h declares and what the host calls. */
#include "wasmill.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/memory.h"
#include "src/utf8.h"
#include "src/log.h"
#include "src/call.h"
#include "src/output.h"
#include "src/decimal.h"
#include "src/json.h"
#include "src/read.h"
#include "src/write.h"
#include "src/entries.h"
#include "src/store.h"
#include "src/scan.h"
#include "src/setup.h"
#include "src/exports.h"
