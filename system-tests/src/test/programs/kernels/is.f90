! SPDX-FileCopyrightText: The Quiesce Authors
! SPDX-License-Identifier: Apache-2.0
!
! Integers sorted by buckets, one bucket for each rank: the counts are exchanged, then the keys, whose numbers differ from rank
! to rank. Binding: mpif.h.
! usage: is KEYS STEPS [REPORT_EVERY]; KEYS of each rank
program is
  use, intrinsic :: iso_fortran_env, only: real64, int64, error_unit
  implicit none
  include 'mpif.h'
  integer, parameter :: largest = 65536
  integer :: rank, ranks, ierr, keys, steps, every, step, width, received
  integer, allocatable :: key(:), bucketed(:), got(:), sorted(:)
  integer, allocatable :: to(:), from(:), to_place(:), from_place(:)
  integer(int64) :: seed, hash
  real(real64) :: middle

  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  keys = argument(1, 20000)
  steps = argument(2, 500)
  every = argument(3, 25)
  call demand(keys > 0 .and. steps > 0 .and. ranks <= largest, 'usage: is KEYS STEPS [REPORT_EVERY]')
  allocate (key(keys), bucketed(keys), got(keys * ranks), sorted(keys * ranks))
  allocate (to(0:ranks - 1), from(0:ranks - 1), to_place(0:ranks - 1), from_place(0:ranks - 1))
  width = (largest + ranks - 1) / ranks
  seed = far_after(577215664_int64, int(rank, int64) * 100000007_int64)
  hash = 0
  do step = 1, steps
    call make_keys()
    call fill_buckets()
    call exchange()
    call sort()
    call check()
    call tell(step, middle)
  end do
  call conclude(hash, middle)
  call MPI_Finalize(ierr)

contains

  ! Sums of random numbers, so that the buckets in the middle are fuller; what was sorted before goes in as well.
  subroutine make_keys()
    integer :: i
    if (step > 1) seed = 1 + mod(ieor(seed, iand(hash, 1048575_int64)), 2147483646_int64)
    do i = 1, keys
      seed = after(seed)
      key(i) = int(mod(seed, 32768_int64))
      seed = after(seed)
      key(i) = key(i) + int(mod(seed, 32768_int64))
    end do
  end subroutine make_keys

  subroutine fill_buckets()
    integer :: i, b, next(0:ranks - 1)
    to = 0
    do i = 1, keys
      b = key(i) / width
      to(b) = to(b) + 1
    end do
    to_place(0) = 0
    do b = 1, ranks - 1
      to_place(b) = to_place(b - 1) + to(b - 1)
    end do
    next = to_place
    do i = 1, keys
      b = key(i) / width
      next(b) = next(b) + 1
      bucketed(next(b)) = key(i)
    end do
  end subroutine fill_buckets

  subroutine exchange()
    integer :: b
    call MPI_Alltoall(to, 1, MPI_INTEGER, from, 1, MPI_INTEGER, MPI_COMM_WORLD, ierr)
    from_place(0) = 0
    do b = 1, ranks - 1
      from_place(b) = from_place(b - 1) + from(b - 1)
    end do
    received = sum(from)
    call MPI_Alltoallv(bucketed, to, to_place, MPI_INTEGER, got, from, from_place, MPI_INTEGER, MPI_COMM_WORLD, ierr)
  end subroutine exchange

  subroutine sort()
    integer :: i, place, counts(0:width)
    counts = 0
    do i = 1, received
      place = got(i) - rank * width
      call demand_here(place >= 0 .and. place < width)
      counts(place + 1) = counts(place + 1) + 1
    end do
    do i = 1, width
      counts(i) = counts(i) + counts(i - 1)
    end do
    do i = 1, received
      place = got(i) - rank * width
      counts(place) = counts(place) + 1
      sorted(counts(place)) = got(i)
    end do
  end subroutine sort

  ! In order here and from rank to rank, and none has been lost.
  subroutine check()
    integer :: i, total, mine(2), before(2), next, previous
    do i = 2, received
      call demand_here(sorted(i - 1) <= sorted(i))
    end do
    do i = 1, received
      hash = mixed(hash, int(sorted(i), int64))
    end do
    call MPI_Allreduce(received, total, 1, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD, ierr)
    call demand(total == keys * ranks, 'is: keys were lost')
    mine = [step, largest]
    if (received > 0) mine(2) = sorted(received)
    before = [step, 0]
    next = merge(rank + 1, MPI_PROC_NULL, rank < ranks - 1)
    previous = merge(rank - 1, MPI_PROC_NULL, rank > 0)
    call MPI_Sendrecv(mine, 2, MPI_INTEGER, next, 3, before, 2, MPI_INTEGER, previous, 3, MPI_COMM_WORLD, &
                      MPI_STATUS_IGNORE, ierr)
    call demand_here(before(1) == step)
    if (received > 0) then
      call demand_here(before(2) <= sorted(1) .or. before(2) == largest)
      middle = sorted((received + 1) / 2)
    end if
  end subroutine check

  subroutine demand_here(good)
    logical, intent(in) :: good
    if (good) return
    write (error_unit, '(a,i0,a,i0)') 'is: wrong keys on rank ', rank, ' in step ', step
    call MPI_Abort(MPI_COMM_WORLD, 1, ierr)
  end subroutine demand_here

  include 'common.inc'
end program is
