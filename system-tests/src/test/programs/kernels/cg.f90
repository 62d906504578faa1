! SPDX-FileCopyrightText: The Quiesce Authors
! SPDX-License-Identifier: Apache-2.0
!
! The smallest eigenvalue of a sparse symmetric matrix by inverse iteration, each step solved by conjugate gradients. The
! matrix lies in blocks on a square of ranks; a product is summed along a row of it and exchanged across the diagonal.
! Binding: use mpi.
! usage: cg N STEPS [REPORT_EVERY]; the number of ranks is a square that divides N twice
program cg
  use, intrinsic :: iso_fortran_env, only: real64, int64, error_unit
  use mpi
  implicit none
  integer, parameter :: pairs = 7, iterations = 15, renewal = 16
  integer :: rank, ranks, ierr, n, steps, every, step
  integer :: side, row, column, length, row_comm, mirror
  integer :: distances(pairs)
  integer, allocatable :: start(:), place(:)
  real(real64), allocatable :: value(:), x(:), z(:), r(:), p(:), q(:), part(:), whole(:)
  real(real64) :: eigenvalue, residual, norm
  integer(int64) :: hash

  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  n = argument(1, 4000)
  steps = argument(2, 100)
  every = argument(3, 5)
  side = nint(sqrt(real(ranks, real64)))
  call demand(side * side == ranks, 'cg: the number of ranks has to be a square')
  call demand(n >= 64 .and. steps > 0 .and. mod(n, side) == 0, 'usage: cg N STEPS [REPORT_EVERY]')
  call make_grid()
  call make_block()
  allocate (x(length), z(length), r(length), p(length), q(length), part(length), whole(length))
  hash = 0
  do step = 1, steps
    if (mod(step, renewal) == 1) call fill_start()
    call solve()
    eigenvalue = product_of(x, x) / product_of(x, z)
    norm = sqrt(product_of(z, z))
    x = z / norm
    hash = mixed_real(mixed_real(hash, eigenvalue), residual)
    call tell(step, eigenvalue)
  end do
  do step = 1, length
    hash = mixed_real(hash, x(step))
  end do
  call demand(residual < 1.0e-4_real64, 'cg: it does not converge')
  call conclude(hash, eigenvalue)
  call MPI_Comm_free(row_comm, ierr)
  call MPI_Finalize(ierr)

contains

  subroutine make_grid()
    length = n / side
    row = rank / side
    column = mod(rank, side)
    mirror = column * side + row
    call MPI_Comm_split(MPI_COMM_WORLD, row, column, row_comm, ierr)
  end subroutine make_grid

  ! Column j of row i is used if j is one of some distances before or behind i, round the end: fills the block of this rank.
  subroutine make_block()
    integer :: i, k, used
    integer(int64) :: seed
    seed = 314159265
    do k = 1, pairs
      seed = after(seed)
      distances(k) = 1 + (k - 1) * (n / 2 - 1) / pairs + int(mod(seed, int((n / 2 - 1) / pairs, int64)))
    end do
    allocate (start(length + 1), place(length * (2 * pairs + 1)), value(length * (2 * pairs + 1)))
    used = 0
    do i = 1, length
      start(i) = used + 1
      call add_row(row * length + i - 1, used)
    end do
    start(length + 1) = used + 1
  end subroutine make_block

  subroutine add_row(i, used)
    integer, intent(in) :: i
    integer, intent(inout) :: used
    real(real64) :: diagonal, entry
    integer :: k, j, sign
    diagonal = 0
    do k = 1, pairs
      do sign = -1, 1, 2
        j = modulo(i + sign * distances(k), n)
        entry = weight(min(i, j), max(i, j))
        diagonal = diagonal + entry
        call add_entry(j, -entry, used)
      end do
    end do
    call add_entry(i, diagonal + 0.1_real64 + mod(i, 17), used)
  end subroutine add_row

  subroutine add_entry(j, entry, used)
    integer, intent(in) :: j
    real(real64), intent(in) :: entry
    integer, intent(inout) :: used
    if (j / length /= column) return
    used = used + 1
    place(used) = j - column * length + 1
    value(used) = entry
  end subroutine add_entry

  ! Another one each time, the same on all ranks of a column.
  subroutine fill_start()
    integer :: i
    integer(int64) :: seed
    seed = far_after(314159265_int64 + step, int(column, int64) * length)
    do i = 1, length
      seed = after(seed)
      x(i) = seed / 2147483647.0_real64
    end do
  end subroutine fill_start

  ! The same for both halves of the matrix: between 0 and 1.
  real(real64) function weight(low, high)
    integer, intent(in) :: low, high
    weight = after(after(int(low, int64) * 65537 + high + 1)) / 2147483647.0_real64
  end function weight

  ! Q = A P: each rank of a column has the same part of P, and gets the same part of Q.
  subroutine multiply()
    integer :: i, k
    real(real64) :: total
    do i = 1, length
      total = 0
      do k = start(i), start(i + 1) - 1
        total = total + value(k) * p(place(k))
      end do
      part(i) = total
    end do
    call MPI_Allreduce(part, whole, length, MPI_DOUBLE_PRECISION, MPI_SUM, row_comm, ierr)
    call MPI_Sendrecv(whole, length, MPI_DOUBLE_PRECISION, mirror, 1, q, length, MPI_DOUBLE_PRECISION, mirror, 1, &
                      MPI_COMM_WORLD, MPI_STATUS_IGNORE, ierr)
  end subroutine multiply

  real(real64) function product_of(a, b)
    real(real64), intent(in) :: a(:), b(:)
    real(real64) :: mine
    mine = dot_product(a, b)
    call MPI_Allreduce(mine, product_of, 1, MPI_DOUBLE_PRECISION, MPI_SUM, row_comm, ierr)
  end function product_of

  ! A Z = X, nearly.
  subroutine solve()
    real(real64) :: now, before, step_length
    integer :: i
    z = 0
    r = x
    p = r
    now = product_of(r, r)
    do i = 1, iterations
      call multiply()
      step_length = now / product_of(p, q)
      z = z + step_length * p
      r = r - step_length * q
      before = now
      now = product_of(r, r)
      p = r + (now / before) * p
    end do
    residual = sqrt(now / product_of(x, x))
  end subroutine solve

  include 'common.inc'
end program cg
