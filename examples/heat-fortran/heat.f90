! SPDX-FileCopyrightText: The Quiesce Authors
! SPDX-License-Identifier: Apache-2.0
!
! The heat solver of ../heat in Fortran with mpi_f08: columns instead of rows, as Fortran stores them.
! usage: heat N STEPS [REPORT_EVERY]
program heat
  use, intrinsic :: iso_fortran_env, only: real64, int64, error_unit
  use mpi_f08
  implicit none
  integer :: rank, ranks, n, steps, every, columns, left, right, step
  real(real64), allocatable :: now(:, :), next(:, :)
  real(real64) :: change, residual

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks)
  n = argument(1)
  steps = argument(2)
  every = argument(3)
  if (n < 3 .or. n < ranks .or. steps < 1) then
    if (rank == 0) write (error_unit, '(a)') 'usage: heat N STEPS [REPORT_EVERY], N >= 3 and >= ranks, STEPS >= 1'
    call MPI_Finalize()
    stop 2
  end if
  call create_strip()
  residual = 0
  do step = 1, steps
    call exchange_halos()
    change = relax()
    call MPI_Allreduce(change, residual, 1, MPI_DOUBLE_PRECISION, MPI_SUM, MPI_COMM_WORLD)
    if (rank == 0 .and. every > 0) then
      if (mod(step, every) == 0) print '(a,i0,a,es24.16)', 'step ', step, ' residual ', residual
    end if
  end do
  call report()
  call MPI_Finalize()

contains

  integer function argument(i)
    integer, intent(in) :: i
    character(len=32) :: text
    integer :: status
    argument = 0
    if (command_argument_count() < i) return
    call get_command_argument(i, text)
    read (text, *, iostat=status) argument
    if (status /= 0) argument = 0
  end function argument

  subroutine create_strip()
    columns = n / ranks
    if (rank < mod(n, ranks)) columns = columns + 1
    left = merge(rank - 1, MPI_PROC_NULL, rank > 0)
    right = merge(rank + 1, MPI_PROC_NULL, rank < ranks - 1)
    allocate (now(n, 0:columns + 1), next(n, 0:columns + 1))
    now = 0
    now(1, 1:columns) = 100
    next = now
  end subroutine create_strip

  subroutine exchange_halos()
    type(MPI_Request) :: requests(4)
    call MPI_Irecv(now(:, 0), n, MPI_DOUBLE_PRECISION, left, 1, MPI_COMM_WORLD, requests(1))
    call MPI_Irecv(now(:, columns + 1), n, MPI_DOUBLE_PRECISION, right, 2, MPI_COMM_WORLD, requests(2))
    call MPI_Isend(now(:, 1), n, MPI_DOUBLE_PRECISION, left, 2, MPI_COMM_WORLD, requests(3))
    call MPI_Isend(now(:, columns), n, MPI_DOUBLE_PRECISION, right, 1, MPI_COMM_WORLD, requests(4))
    call MPI_Waitall(4, requests, MPI_STATUSES_IGNORE)
  end subroutine exchange_halos

  real(real64) function relax()
    integer :: i, j, first, last
    real(real64) :: value
    first = merge(2, 1, rank == 0)
    last = merge(columns - 1, columns, rank == ranks - 1)
    relax = 0
    do j = first, last
      do i = 2, n - 1
        value = 0.25_real64 * (now(i - 1, j) + now(i + 1, j) + now(i, j - 1) + now(i, j + 1))
        relax = relax + (value - now(i, j))**2
        next(i, j) = value
      end do
    end do
    now(2:n - 1, first:last) = next(2:n - 1, first:last)
  end function relax

  ! Exclusive-or of the bits of all cells, each rotated by its place in its column.
  subroutine report()
    integer(int64) :: mine, all
    integer :: i, j
    mine = 0
    do j = 1, columns
      do i = 1, n
        mine = ieor(mine, ishftc(transfer(now(i, j), mine), mod(i, 64)))
      end do
    end do
    mine = ishftc(mine, mod(rank, 64))
    call MPI_Reduce(mine, all, 1, MPI_INTEGER8, MPI_BXOR, 0, MPI_COMM_WORLD)
    if (rank == 0) print '(a,es24.16,a,z16.16)', 'residual ', residual, ' checksum ', all
  end subroutine report
end program heat
