#!/bin/bash
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
#
# A job that may run for two days in all, however often it is queued again. Such a job has a name, by which a later one goes on
# where this one was ended: sbatch total-time.sh ./heat 4000 10000000
#SBATCH --job-name=heat --ntasks=2 --time=04:00:00
#SBATCH --requeue --open-mode=append --signal=B:USR1@120
exec quiesce run --name heat-in-two-days --dir checkpoints --restart --requeue --before-end 10m --total-time 48h -- srun "$@"
