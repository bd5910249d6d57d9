// The whole public interface.
#pragma once

#include "tensorferry/batch.h"
#include "tensorferry/compare.h"
#include "tensorferry/convert.h"
#include "tensorferry/dtype.h"
#include "tensorferry/edits.h"
#include "tensorferry/error.h"
#include "tensorferry/format.h"
#include "tensorferry/inject.h"
#include "tensorferry/input.h"
#include "tensorferry/layout.h"
#include "tensorferry/manifest.h"
#include "tensorferry/notes.h"
#include "tensorferry/plausibility.h"
#include "tensorferry/statistics.h"
#include "tensorferry/stream.h"
#include "tensorferry/values.h"
