! SPDX-FileCopyrightText: The Quiesce Authors
! SPDX-License-Identifier: Apache-2.0
!
! Symmetric successive over-relaxation of Poisson's equation in a box: each plane waits for the edges of the ranks before it
! and sends its own on, forth and back, in many small messages. Binding: use mpi.
! usage: lu N STEPS [REPORT_EVERY]
program lu
  use, intrinsic :: iso_fortran_env, only: real64, int64, error_unit
  use mpi
  implicit none
  integer, parameter :: forth = 11, back = 12, renewal = 16
  integer :: rank, ranks, ierr, n, steps, every, step
  integer :: grid, dims(2), coords(2), west, east, north, south, nx, ny
  real(real64), allocatable :: u(:, :, :), f(:, :, :)
  real(real64) :: change, before
  integer(int64) :: hash

  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  n = argument(1, 24)
  steps = argument(2, 200)
  every = argument(3, 10)
  call make_grid()
  call demand(n >= 2 .and. steps > 0 .and. n >= dims(1), 'usage: lu N STEPS [REPORT_EVERY]')
  call make_box()
  hash = 0
  do step = 1, steps
    change = 0
    if (mod(step, renewal) == 1) call fill_sources()
    call exchange_edges()
    call sweep_forth()
    call exchange_edges()
    call sweep_back()
    call look_at_change()
    call tell(step, before)
  end do
  call hash_box()
  call conclude(hash, before)
  call MPI_Comm_free(grid, ierr)
  call MPI_Finalize(ierr)

contains

  subroutine make_grid()
    dims = 0
    call MPI_Dims_create(ranks, 2, dims, ierr)
    call MPI_Cart_create(MPI_COMM_WORLD, 2, dims, [.false., .false.], .false., grid, ierr)
    call MPI_Cart_coords(grid, rank, 2, coords, ierr)
    call MPI_Cart_shift(grid, 0, 1, west, east, ierr)
    call MPI_Cart_shift(grid, 1, 1, north, south, ierr)
    nx = n * (coords(1) + 1) / dims(1) - n * coords(1) / dims(1)
    ny = n * (coords(2) + 1) / dims(2) - n * coords(2) / dims(2)
  end subroutine make_grid

  subroutine make_box()
    allocate (u(0:nx + 1, 0:ny + 1, 0:n + 1), f(nx, ny, n))
    u = 0
    f = 0
  end subroutine make_box

  ! Others each time, so that it never comes to rest.
  subroutine fill_sources()
    integer :: x, y, z
    integer(int64) :: seed
    seed = far_after(662607015_int64 + step, int(rank, int64) * n * n * n)
    do z = 1, n
      do y = 1, ny
        do x = 1, nx
          seed = after(seed)
          f(x, y, z) = seed / 2147483647.0_real64 - 0.5_real64
        end do
      end do
    end do
  end subroutine fill_sources

  ! The sides of the neighbours, before a sweep begins.
  subroutine exchange_edges()
    call swap(west, u(1, 1:ny, 1:n), east, u(nx + 1, 1:ny, 1:n), ny)
    call swap(east, u(nx, 1:ny, 1:n), west, u(0, 1:ny, 1:n), ny)
    call swap(north, u(1:nx, 1, 1:n), south, u(1:nx, ny + 1, 1:n), nx)
    call swap(south, u(1:nx, ny, 1:n), north, u(1:nx, 0, 1:n), nx)
  end subroutine exchange_edges

  ! GIVEN goes to rank TO, TAKEN comes from rank FROM.
  subroutine swap(to, given, from, taken, width)
    integer, intent(in) :: to, from, width
    real(real64), intent(in) :: given(width, n)
    real(real64), intent(inout) :: taken(width, n)
    call MPI_Sendrecv(given, width * n, MPI_DOUBLE_PRECISION, to, 5, taken, width * n, MPI_DOUBLE_PRECISION, from, 5, grid, &
                      MPI_STATUS_IGNORE, ierr)
  end subroutine swap

  subroutine relax(x, y, z)
    integer, intent(in) :: x, y, z
    real(real64) :: difference
    difference = (f(x, y, z) + u(x - 1, y, z) + u(x + 1, y, z) + u(x, y - 1, z) + u(x, y + 1, z) &
                  + u(x, y, z - 1) + u(x, y, z + 1)) / 6 - u(x, y, z)
    u(x, y, z) = u(x, y, z) + 1.2_real64 * difference
    change = change + difference**2
  end subroutine relax

  subroutine sweep_forth()
    integer :: x, y, z
    do z = 1, n
      call take(west, u(0, 1:ny, z), ny, forth)
      call take(north, u(1:nx, 0, z), nx, forth)
      do y = 1, ny
        do x = 1, nx
          call relax(x, y, z)
        end do
      end do
      call give(east, u(nx, 1:ny, z), ny, forth)
      call give(south, u(1:nx, ny, z), nx, forth)
    end do
  end subroutine sweep_forth

  subroutine sweep_back()
    integer :: x, y, z
    do z = n, 1, -1
      call take(east, u(nx + 1, 1:ny, z), ny, back)
      call take(south, u(1:nx, ny + 1, z), nx, back)
      do y = ny, 1, -1
        do x = nx, 1, -1
          call relax(x, y, z)
        end do
      end do
      call give(west, u(1, 1:ny, z), ny, back)
      call give(north, u(1:nx, 1, z), nx, back)
    end do
  end subroutine sweep_back

  subroutine take(from, line, length, tag)
    integer, intent(in) :: from, length, tag
    real(real64), intent(inout) :: line(length)
    call MPI_Recv(line, length, MPI_DOUBLE_PRECISION, from, tag, grid, MPI_STATUS_IGNORE, ierr)
  end subroutine take

  subroutine give(to, line, length, tag)
    integer, intent(in) :: to, length, tag
    real(real64), intent(in) :: line(length)
    call MPI_Send(line, length, MPI_DOUBLE_PRECISION, to, tag, grid, ierr)
  end subroutine give

  ! It gets smaller, until only rounding is left.
  subroutine look_at_change()
    real(real64) :: all
    call MPI_Allreduce(change, all, 1, MPI_DOUBLE_PRECISION, MPI_SUM, grid, ierr)
    call demand(mod(step, renewal) == 1 .or. all < before, 'lu: it does not converge')
    before = all
    hash = mixed_real(hash, all)
  end subroutine look_at_change

  subroutine hash_box()
    integer :: x, y, z
    do z = 1, n
      do y = 1, ny
        do x = 1, nx
          hash = mixed_real(hash, u(x, y, z))
        end do
      end do
    end do
  end subroutine hash_box

  include 'common.inc'
end program lu
