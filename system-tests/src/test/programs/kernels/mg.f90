! SPDX-FileCopyrightText: The Quiesce Authors
! SPDX-License-Identifier: Apache-2.0
!
! Poisson's equation on a periodic cube by V cycles of multigrid; the faces of each level are exchanged with six neighbours.
! Binding: mpi_f08, with a Cartesian communicator and derived datatypes.
! usage: mg N STEPS [REPORT_EVERY]; N a power of 2
program mg
  use, intrinsic :: iso_fortran_env, only: real64, int64, error_unit
  use mpi_f08
  implicit none
  integer, parameter :: most_levels = 12, sources = 20, renewal = 8
  type level
    integer :: size(3) = 0
    real(real64), allocatable :: u(:, :, :), f(:, :, :), r(:, :, :)
    type(MPI_Datatype) :: face(3)
  end type level
  type(level) :: levels(most_levels)
  type(MPI_Comm) :: grid
  integer :: rank, ranks, ierr, n, steps, every, step, depth
  integer :: dims(3), coords(3), neighbours(2, 3)
  real(real64) :: norm, first_norm
  integer(int64) :: hash

  call MPI_Init(ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  n = argument(1, 32)
  steps = argument(2, 100)
  every = argument(3, 5)
  call make_grid()
  call demand(n >= 4 .and. steps > 0 .and. all(mod(n, 2 * dims) == 0), 'usage: mg N STEPS [REPORT_EVERY]')
  call make_levels()
  hash = 0
  first_norm = 0
  do step = 1, steps
    if (mod(step, renewal) == 1) call put_sources(step)
    call cycle_from(1)
    call find_residual(1)
    norm = norm_of(levels(1)%r)
    if (mod(step, renewal) == 1) first_norm = norm
    call demand(norm <= first_norm, 'mg: it does not converge')
    hash = mixed_real(hash, norm)
    call tell(step, norm)
  end do
  call hash_all(levels(1)%u)
  call conclude(hash, norm)
  call free_levels()
  call MPI_Comm_free(grid, ierr)
  call MPI_Finalize(ierr)

contains

  subroutine make_grid()
    integer :: d
    dims = 0
    call MPI_Dims_create(ranks, 3, dims, ierr)
    call MPI_Cart_create(MPI_COMM_WORLD, 3, dims, [.true., .true., .true.], .false., grid, ierr)
    call MPI_Cart_coords(grid, rank, 3, coords, ierr)
    do d = 1, 3
      call MPI_Cart_shift(grid, d - 1, 1, neighbours(1, d), neighbours(2, d), ierr)
    end do
  end subroutine make_grid

  ! Each level has half the cells of the one before in each direction, as long as that gives whole cells on each rank.
  subroutine make_levels()
    integer :: s(3)
    s = n / dims
    depth = 0
    do
      depth = depth + 1
      call make_level(levels(depth), s)
      if (any(mod(s, 2) /= 0) .or. any(s < 4) .or. depth == most_levels) exit
      s = s / 2
    end do
  end subroutine make_levels

  subroutine make_level(l, s)
    type(level), intent(inout) :: l
    integer, intent(in) :: s(3)
    integer :: d, part(3)
    l%size = s
    allocate (l%u(0:s(1) + 1, 0:s(2) + 1, 0:s(3) + 1), l%f(0:s(1) + 1, 0:s(2) + 1, 0:s(3) + 1), &
              l%r(0:s(1) + 1, 0:s(2) + 1, 0:s(3) + 1))
    l%u = 0
    l%f = 0
    l%r = 0
    do d = 1, 3
      part = s + 2
      part(d) = 1
      call MPI_Type_create_subarray(3, s + 2, part, [0, 0, 0], MPI_ORDER_FORTRAN, MPI_DOUBLE_PRECISION, l%face(d), ierr)
      call MPI_Type_commit(l%face(d), ierr)
    end do
  end subroutine make_level

  subroutine free_levels()
    integer :: i, d
    do i = 1, depth
      do d = 1, 3
        call MPI_Type_free(levels(i)%face(d), ierr)
      end do
    end do
  end subroutine free_levels

  ! As many cells with 1 as with -1, others each time.
  subroutine put_sources(step)
    integer, intent(in) :: step
    integer :: i, cell(3), d
    integer(int64) :: seed
    levels(1)%f = 0
    seed = 161803398 + step
    do i = 1, sources
      do d = 1, 3
        seed = after(after(seed))
        cell(d) = int(mod(seed, int(n, int64))) - coords(d) * levels(1)%size(d) + 1
      end do
      if (any(cell < 1) .or. any(cell > levels(1)%size)) cycle
      levels(1)%f(cell(1), cell(2), cell(3)) = levels(1)%f(cell(1), cell(2), cell(3)) + merge(1, -1, mod(i, 2) == 0)
    end do
  end subroutine put_sources

  ! Faces of A, a field of level L, to and from the neighbours; one direction after the other, so that edges come along.
  subroutine exchange(a, l)
    real(real64), intent(inout), asynchronous :: a(0:, 0:, 0:)
    type(level), intent(in) :: l
    type(MPI_Request) :: requests(4)
    integer :: d, low(3), high(3), first(3), last(3)
    do d = 1, 3
      low = 0
      high = 0
      first = 0
      last = 0
      first(d) = 1
      last(d) = l%size(d)
      high(d) = l%size(d) + 1
      call MPI_Irecv(a(low(1), low(2), low(3)), 1, l%face(d), neighbours(1, d), 2 * d, grid, requests(1), ierr)
      call MPI_Irecv(a(high(1), high(2), high(3)), 1, l%face(d), neighbours(2, d), 2 * d + 1, grid, requests(2), ierr)
      call MPI_Isend(a(last(1), last(2), last(3)), 1, l%face(d), neighbours(2, d), 2 * d, grid, requests(3), ierr)
      call MPI_Isend(a(first(1), first(2), first(3)), 1, l%face(d), neighbours(1, d), 2 * d + 1, grid, requests(4), ierr)
      call MPI_Waitall(4, requests, MPI_STATUSES_IGNORE, ierr)
    end do
  end subroutine exchange

  ! The neighbours' sum of cell (i, j, k).
  pure real(real64) function around(a, i, j, k)
    real(real64), intent(in) :: a(0:, 0:, 0:)
    integer, intent(in) :: i, j, k
    around = a(i - 1, j, k) + a(i + 1, j, k) + a(i, j - 1, k) + a(i, j + 1, k) + a(i, j, k - 1) + a(i, j, k + 1)
  end function around

  ! R = F - A U, where A U = (6 U - neighbours) / h**2 and h is 2**(i - 1).
  subroutine find_residual(i)
    integer, intent(in) :: i
    integer :: x, y, z
    real(real64) :: scale
    scale = 1 / 4.0_real64**(i - 1)
    associate (l => levels(i))
      call exchange(l%u, l)
      do z = 1, l%size(3)
        do y = 1, l%size(2)
          do x = 1, l%size(1)
            l%r(x, y, z) = l%f(x, y, z) - scale * (6 * l%u(x, y, z) - around(l%u, x, y, z))
          end do
        end do
      end do
    end associate
  end subroutine find_residual

  ! Damped Jacobi.
  subroutine smooth(i, times)
    integer, intent(in) :: i, times
    integer :: t
    do t = 1, times
      call find_residual(i)
      levels(i)%u = levels(i)%u + 0.8_real64 / 6 * 4.0_real64**(i - 1) * levels(i)%r
    end do
  end subroutine smooth

  recursive subroutine cycle_from(i)
    integer, intent(in) :: i
    if (i == depth) then
      call smooth(i, 20)
      return
    end if
    call smooth(i, 2)
    call find_residual(i)
    call restrict_to(i + 1)
    call cycle_from(i + 1)
    call correct(i)
    call smooth(i, 2)
  end subroutine cycle_from

  subroutine restrict_to(i)
    integer, intent(in) :: i
    integer :: x, y, z
    associate (coarse => levels(i), fine => levels(i - 1))
      coarse%u = 0
      do z = 1, coarse%size(3)
        do y = 1, coarse%size(2)
          do x = 1, coarse%size(1)
            coarse%f(x, y, z) = sum(fine%r(2 * x - 1:2 * x, 2 * y - 1:2 * y, 2 * z - 1:2 * z)) / 8
          end do
        end do
      end do
    end associate
  end subroutine restrict_to

  subroutine correct(i)
    integer, intent(in) :: i
    integer :: x, y, z
    associate (fine => levels(i), coarse => levels(i + 1))
      do z = 1, fine%size(3)
        do y = 1, fine%size(2)
          do x = 1, fine%size(1)
            fine%u(x, y, z) = fine%u(x, y, z) + 0.5_real64 * coarse%u((x + 1) / 2, (y + 1) / 2, (z + 1) / 2)
          end do
        end do
      end do
    end associate
  end subroutine correct

  real(real64) function norm_of(a)
    real(real64), intent(in) :: a(0:, 0:, 0:)
    real(real64) :: mine
    associate (s => levels(1)%size)
      mine = sum(a(1:s(1), 1:s(2), 1:s(3))**2)
    end associate
    call MPI_Allreduce(mine, norm_of, 1, MPI_DOUBLE_PRECISION, MPI_SUM, grid, ierr)
    norm_of = sqrt(norm_of)
  end function norm_of

  subroutine hash_all(a)
    real(real64), intent(in) :: a(0:, 0:, 0:)
    integer :: x, y, z
    do z = 1, levels(1)%size(3)
      do y = 1, levels(1)%size(2)
        do x = 1, levels(1)%size(1)
          hash = mixed_real(hash, a(x, y, z))
        end do
      end do
    end do
  end subroutine hash_all

  include 'common.inc'
end program mg
