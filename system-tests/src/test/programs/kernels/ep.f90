! SPDX-FileCopyrightText: The Quiesce Authors
! SPDX-License-Identifier: Apache-2.0
!
! Pairs of random numbers become pairs of normal deviates, which are summed and counted by their size: nearly nothing but
! computing, and a reduction now and then. Binding: mpif.h.
! usage: ep PAIRS STEPS [REPORT_EVERY]; PAIRS of each rank in a step
program ep
  use, intrinsic :: iso_fortran_env, only: real64, int64, error_unit
  implicit none
  include 'mpif.h'
  integer, parameter :: rings = 10
  integer(int64), parameter :: first_seed = 271828183
  integer :: rank, ranks, ierr, pairs, steps, every, step
  integer(int64) :: counts(0:rings - 1), all_counts(0:rings - 1), hash
  real(real64) :: sums(2), all_sums(2), part

  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  pairs = argument(1, 20000)
  steps = argument(2, 1000)
  every = argument(3, 50)
  call demand(pairs > 0 .and. steps > 0, 'usage: ep PAIRS STEPS [REPORT_EVERY]')
  counts = 0
  sums = 0
  hash = 0
  do step = 1, steps
    call add_pairs(far_after(first_seed, 2_int64 * pairs * (int(step - 1, int64) * ranks + rank)))
    call MPI_Allreduce(sums, all_sums, 2, MPI_DOUBLE_PRECISION, MPI_SUM, MPI_COMM_WORLD, ierr)
    hash = mixed_real(mixed_real(hash, all_sums(1)), all_sums(2))
    call tell(step, all_sums(1))
  end do
  call MPI_Allreduce(counts, all_counts, rings, MPI_INTEGER8, MPI_SUM, MPI_COMM_WORLD, ierr)
  do step = 0, rings - 1
    hash = mixed(hash, all_counts(step))
  end do
  ! A pair is taken if it lies in the unit circle.
  part = real(sum(all_counts), real64) / (real(pairs, real64) * ranks * steps)
  call demand(abs(part - atan(1.0_real64)) < 0.01_real64, 'ep: too many or too few pairs lie in the circle')
  call conclude(hash, all_sums(1))
  call MPI_Finalize(ierr)

contains

  subroutine add_pairs(start)
    integer(int64), intent(in) :: start
    integer(int64) :: seed
    integer :: i, ring
    real(real64) :: x, y, square, stretch
    seed = start
    do i = 1, pairs
      seed = after(seed)
      x = 2 * (seed / 2147483647.0_real64) - 1
      seed = after(seed)
      y = 2 * (seed / 2147483647.0_real64) - 1
      square = x * x + y * y
      if (square > 1 .or. square == 0) cycle
      stretch = sqrt(-2 * log(square) / square)
      x = x * stretch
      y = y * stretch
      ring = min(int(max(abs(x), abs(y))), rings - 1)
      counts(ring) = counts(ring) + 1
      sums(1) = sums(1) + x
      sums(2) = sums(2) + y
    end do
  end subroutine add_pairs

  include 'common.inc'
end program ep
