! SPDX-FileCopyrightText: The Quiesce Authors
! SPDX-License-Identifier: Apache-2.0
!
! Fortran handles (a communicator, a datatype, an operation, a request posted before the loop) used over thousands of steps: they have to mean the same
! after a restart. Compiled three times: -DBINDING_MPIF (mpif.h), -DBINDING_MPI (use mpi), -DBINDING_F08 (use mpi_f08).
! usage: fortran_handles STEPS ; prints "step N" now and then and "checksum ..." at the end
#if defined(BINDING_F08)
#define COMM type(MPI_Comm)
#define DATATYPE type(MPI_Datatype)
#define REQUEST type(MPI_Request)
#define OPERATION type(MPI_Op)
#else
#define COMM integer
#define DATATYPE integer
#define REQUEST integer
#define OPERATION integer
#endif

module operations
  implicit none
contains
  ! A user operation: a * 31 + b, not commutative.
  subroutine mix(a, b, length, kind_of)
#if defined(BINDING_F08)
    use, intrinsic :: iso_c_binding, only: c_ptr, c_f_pointer
    use mpi_f08
    type(c_ptr), value :: a, b
    integer :: length
    type(MPI_Datatype) :: kind_of
    integer, pointer :: x(:), y(:)
    call c_f_pointer(a, x, [length])
    call c_f_pointer(b, y, [length])
    y = ieor(ishftc(x, 5), y)
#else
    integer :: length, kind_of
    integer :: a(length), b(length)
    b = ieor(ishftc(a, 5), b)
#endif
  end subroutine mix
end module operations

program fortran_handles
#if defined(BINDING_F08)
  use mpi_f08
#elif defined(BINDING_MPI)
  use mpi
#endif
  use operations
  implicit none
#if defined(BINDING_MPIF)
  include 'mpif.h'
#endif
  COMM :: reversed
  DATATYPE :: every_second
  OPERATION :: mixing
  REQUEST :: waiting
  integer :: rank, ranks, ierr, steps, step, next, previous, mixed, last
  integer :: sent(8), got(8)
  character(len=32) :: text

  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  call get_command_argument(1, text)
  read (text, *) steps
  call MPI_Comm_split(MPI_COMM_WORLD, 0, ranks - rank, reversed, ierr)
  call MPI_Type_vector(4, 1, 2, MPI_INTEGER, every_second, ierr)
  call MPI_Type_commit(every_second, ierr)
  call MPI_Op_create(mix, .false., mixing, ierr)
  next = mod(rank + 1, ranks)
  previous = mod(rank + ranks - 1, ranks)
  call MPI_Irecv(last, 1, MPI_INTEGER, next, 99, world(), waiting, ierr)
  sent = rank + 1
  got = 0
  do step = 1, steps
    call MPI_Sendrecv(sent, 1, every_second, next, 5, got, 1, every_second, previous, 5, MPI_COMM_WORLD, &
                      MPI_STATUS_IGNORE, ierr)
    sent = ieor(ishftc(sent, 3), got + step)
    call MPI_Allreduce(sent(1), mixed, 1, MPI_INTEGER, mixing, reversed, ierr)
    sent(3) = ieor(sent(3), mixed)
    if (rank == 0 .and. mod(step, 500) == 0) then
      print '(a,i0)', 'step ', step
      flush (6)
    end if
  end do
  call MPI_Send(sent(1), 1, MPI_INTEGER, previous, 99, world(), ierr)
  call MPI_Wait(waiting, MPI_STATUS_IGNORE, ierr)
  call MPI_Reduce(ieor(last, sent(3)), mixed, 1, MPI_INTEGER, MPI_BXOR, 0, MPI_COMM_WORLD, ierr)
  if (rank == 0) print '(a,z8.8)', 'checksum ', mixed
  call MPI_Op_free(mixing, ierr)
  call MPI_Type_free(every_second, ierr)
  call MPI_Comm_free(reversed, ierr)
  call MPI_Finalize(ierr)

contains

  ! The communicator on which the early receive waits: the world, so that its ranks are those of next and previous.
  function world() result(comm)
    COMM :: comm
    comm = MPI_COMM_WORLD
  end function world
end program fortran_handles
