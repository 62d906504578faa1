#!/bin/bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# A job that is checkpointed and queued again when it must make room, and goes on where it was: sbatch preemption.sh ./heat 4000 100000
#SBATCH --job-name=heat --ntasks=2 --time=04:00:00
#SBATCH --requeue --open-mode=append --signal=B:USR1@120
exec quiesce run --dir checkpoints --restart --requeue -- srun "$@"
