! SPDX-FileCopyrightText: The Quiesce Authors
! SPDX-License-Identifier: Apache-2.0
!
! Diffusion on a periodic cube in Fourier space: a transform forth, then in each step a factor for each wave and a transform
! back. The cube lies in slabs and is turned by all-to-all exchanges, blocking and non-blocking in turn. Binding: mpi_f08.
! usage: ft N STEPS [REPORT_EVERY]; N a power of 2 that the number of ranks divides
program ft
  use, intrinsic :: iso_fortran_env, only: real64, int64, error_unit
  use mpi_f08
  implicit none
  integer :: rank, ranks, ierr, n, steps, every, step, slab
  complex(real64), allocatable :: wave(:, :, :), turned(:, :, :), room(:, :, :), roots(:)
  complex(real64), allocatable, asynchronous :: packed(:, :, :, :), unpacked(:, :, :, :)
  real(real64) :: energy, first_mean, mean
  integer(int64) :: hash

  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  n = argument(1, 32)
  steps = argument(2, 100)
  every = argument(3, 5)
  call demand(n >= 4 .and. steps > 0 .and. iand(n, n - 1) == 0, 'usage: ft N STEPS [REPORT_EVERY]')
  call demand(mod(n, ranks) == 0, 'ft: the number of ranks has to divide N')
  slab = n / ranks
  allocate (wave(n, n, slab), turned(n, n, slab), room(n, n, slab))
  allocate (packed(slab, n, slab, ranks), unpacked(slab, n, slab, ranks))
  call make_roots()
  call make_start()
  call transform_forth()
  hash = 0
  do step = 1, steps
    call diffuse()
    call transform_back()
    call look_at_room()
    call demand(abs(mean - first_mean) <= 1.0e-9_real64, 'ft: the mean value has changed')
    call tell(step, energy)
  end do
  call hash_room()
  call conclude(hash, energy)
  call MPI_Finalize(ierr)

contains

  subroutine make_roots()
    integer :: i
    real(real64) :: angle
    allocate (roots(0:n / 2 - 1))
    do i = 0, n / 2 - 1
      angle = 8 * atan(1.0_real64) * i / n
      roots(i) = cmplx(cos(angle), sin(angle), real64)
    end do
  end subroutine make_roots

  subroutine make_start()
    integer :: x, y, z
    integer(int64) :: seed
    seed = far_after(141421356_int64, int(n, int64) * n * slab * rank)
    do z = 1, slab
      do y = 1, n
        do x = 1, n
          seed = after(seed)
          room(x, y, z) = cmplx(seed / 2147483647.0_real64, 0, real64)
        end do
      end do
    end do
    mean = sum(real(room)) / real(n, real64)**3
    call MPI_Allreduce(mean, first_mean, 1, MPI_DOUBLE_PRECISION, MPI_SUM, MPI_COMM_WORLD, ierr)
  end subroutine make_start

  ! Of LINE in place, SIGN 1 or -1: bits of the places reversed, then butterflies.
  subroutine transform(line, sign)
    complex(real64), intent(inout) :: line(0:n - 1)
    integer, intent(in) :: sign
    complex(real64) :: factor, odd
    integer :: i, j, half, first
    j = 0
    do i = 1, n - 1
      half = n / 2
      do while (iand(j, half) /= 0)
        j = j - half
        half = half / 2
      end do
      j = j + half
      if (i < j) then
        odd = line(i)
        line(i) = line(j)
        line(j) = odd
      end if
    end do
    half = 1
    do while (half < n)
      do i = 0, half - 1
        factor = roots(i * (n / 2 / half))
        if (sign < 0) factor = conjg(factor)
        do first = i, n - 1, 2 * half
          odd = factor * line(first + half)
          line(first + half) = line(first) - odd
          line(first) = line(first) + odd
        end do
      end do
      half = 2 * half
    end do
  end subroutine transform

  ! Along the first two directions of a slab.
  subroutine transform_slab(cube, sign)
    complex(real64), intent(inout) :: cube(n, n, slab)
    integer, intent(in) :: sign
    complex(real64) :: line(n)
    integer :: i, z
    do z = 1, slab
      do i = 1, n
        call transform(cube(:, i, z), sign)
      end do
      do i = 1, n
        line = cube(i, :, z)
        call transform(line, sign)
        cube(i, :, z) = line
      end do
    end do
  end subroutine transform_slab

  subroutine transform_lines(cube, sign)
    complex(real64), intent(inout) :: cube(n, n, slab)
    integer, intent(in) :: sign
    integer :: y, z
    do z = 1, slab
      do y = 1, n
        call transform(cube(:, y, z), sign)
      end do
    end do
  end subroutine transform_lines

  ! TO(z, y, x) of the slab of x = FROM(x, y, z) of the slab of z.
  subroutine turn(from, to)
    complex(real64), intent(in) :: from(n, n, slab)
    complex(real64), intent(out) :: to(n, n, slab)
    type(MPI_Request) :: request
    integer :: other, x, z, count
    do other = 1, ranks
      do x = 1, slab
        do z = 1, slab
          packed(z, :, x, other) = from((other - 1) * slab + x, :, z)
        end do
      end do
    end do
    count = slab * n * slab
    if (mod(step, 2) == 0) then
      call MPI_Alltoall(packed, count, MPI_DOUBLE_COMPLEX, unpacked, count, MPI_DOUBLE_COMPLEX, MPI_COMM_WORLD, ierr)
    else
      call MPI_Ialltoall(packed, count, MPI_DOUBLE_COMPLEX, unpacked, count, MPI_DOUBLE_COMPLEX, MPI_COMM_WORLD, request, ierr)
      call MPI_Wait(request, MPI_STATUS_IGNORE, ierr)
    end if
    do other = 1, ranks
      to((other - 1) * slab + 1:other * slab, :, :) = unpacked(:, :, :, other)
    end do
  end subroutine turn

  ! ROOM(x, y, z) to WAVE(kz, ky, kx).
  subroutine transform_forth()
    step = 0
    call transform_slab(room, -1)
    call turn(room, wave)
    call transform_lines(wave, -1)
  end subroutine transform_forth

  subroutine transform_back()
    turned = wave
    call transform_lines(turned, 1)
    call turn(turned, room)
    call transform_slab(room, 1)
    room = room / real(n, real64)**3
  end subroutine transform_back

  real(real64) function frequency(i)
    integer, intent(in) :: i
    frequency = merge(i - 1, i - 1 - n, i - 1 <= n / 2)
  end function frequency

  subroutine diffuse()
    integer :: x, y, z
    real(real64) :: square
    do x = 1, slab
      do y = 1, n
        do z = 1, n
          square = frequency(z)**2 + frequency(y)**2 + frequency(rank * slab + x)**2
          wave(z, y, x) = wave(z, y, x) * exp(-1.0e-5_real64 * square)
        end do
      end do
    end do
  end subroutine diffuse

  subroutine look_at_room()
    real(real64) :: mine(2), all(2)
    mine = [sum(real(room)), sum(real(room)**2 + aimag(room)**2)] / real(n, real64)**3
    call MPI_Allreduce(mine, all, 2, MPI_DOUBLE_PRECISION, MPI_SUM, MPI_COMM_WORLD, ierr)
    mean = all(1)
    energy = all(2)
    hash = mixed_real(mixed_real(hash, mean), energy)
  end subroutine look_at_room

  subroutine hash_room()
    integer :: x, y, z
    do z = 1, slab
      do y = 1, n
        do x = 1, n
          hash = mixed_real(mixed_real(hash, real(room(x, y, z))), aimag(room(x, y, z)))
        end do
      end do
    end do
  end subroutine hash_room

  include 'common.inc'
end program ft
