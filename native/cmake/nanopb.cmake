# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# nanopb of the distribution: its library holds no malloc, so frozen code may use it.
find_path(NANOPB_INCLUDE pb.h REQUIRED)
find_library(NANOPB_LIBRARY protobuf-nanopb REQUIRED)
find_program(NANOPB_GENERATOR NAMES nanopb_generator.py nanopb_generator REQUIRED)
