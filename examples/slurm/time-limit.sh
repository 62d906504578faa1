#!/bin/bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# A job that needs more time than it may have at once: ten minutes before its limit it is checkpointed and queued again, and
# every half hour there is a checkpoint, in case a node fails: sbatch time-limit.sh ./heat 4000 10000000
#SBATCH --job-name=heat --ntasks=2 --time=04:00:00
#SBATCH --requeue --open-mode=append
exec quiesce run --dir checkpoints --keep 2 --restart --requeue --before-end 10m --interval 30m -- srun "$@"
