#!/bin/bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# An array. Each of its jobs has checkpoints of its own, is queued again by itself, and gives its number to the program as first
# argument: sbatch --array=1-20 array.sh ./simulate 100000
#SBATCH --job-name=array --ntasks=2 --time=04:00:00 --output=array-%A-%a.out
#SBATCH --requeue --open-mode=append --signal=B:USR1@120
exec quiesce run --dir checkpoints --restart --requeue --before-end 10m -- srun "$1" "$SLURM_ARRAY_TASK_ID" "${@:2}"
