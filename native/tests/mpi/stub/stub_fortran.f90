! SPDX-FileCopyrightText: The Quiesce Authors
! SPDX-License-Identifier: Apache-2.0
! mpif.h's interface through "use mpi": user operations, attributes, error handlers, generalized and persistent requests.
module callbacks
  use mpi
  implicit none
  integer :: handled = 0, queried = 0, freed = 0
contains
  subroutine add(in, inout, length, type)
    integer :: length, type
    integer :: in(length), inout(length)
    if (type /= MPI_INTEGER) print *, 'another type', type
    inout = inout + in
  end subroutine
  subroutine copy_attribute(comm, key, extra, in, out, flag, ierr)
    integer :: comm, key, ierr
    integer(kind=MPI_ADDRESS_KIND) :: extra, in, out
    logical :: flag
    out = in + extra
    flag = .true.
    ierr = MPI_SUCCESS
  end subroutine
  subroutine delete_attribute(comm, key, value, extra, ierr)
    integer :: comm, key, ierr
    integer(kind=MPI_ADDRESS_KIND) :: value, extra
    ierr = MPI_SUCCESS
  end subroutine
  subroutine handler(comm, code)
    integer :: comm, code
    handled = handled + 1
  end subroutine
  subroutine query(extra, status, ierr)
    integer(kind=MPI_ADDRESS_KIND) :: extra
    integer :: status(MPI_STATUS_SIZE), ierr, ignored
    queried = int(extra)
    call MPI_Status_set_elements(status, MPI_INTEGER, 2, ignored)
    call MPI_Status_set_cancelled(status, .false., ignored)
    status(MPI_SOURCE) = 3
    status(MPI_TAG) = 4
    ierr = MPI_SUCCESS
  end subroutine
  subroutine release(extra, ierr)
    integer(kind=MPI_ADDRESS_KIND) :: extra
    integer :: ierr
    freed = int(extra)
    ierr = MPI_SUCCESS
  end subroutine
  subroutine cancel(extra, complete, ierr)
    integer(kind=MPI_ADDRESS_KIND) :: extra
    logical :: complete
    integer :: ierr
    ierr = MPI_SUCCESS
  end subroutine
end module

program stub_fortran
  use mpi
  use callbacks
  implicit none
  integer :: ierr, rank, ranks, value, total, op, comm, dup, key, errhandler, request(2), status(MPI_STATUS_SIZE), left, right
  integer :: received, column, i, index, box(2), statuses(MPI_STATUS_SIZE, 2), length
  integer(kind=MPI_ADDRESS_KIND) :: extra, attribute
  logical :: flag
  character(len=MPI_MAX_OBJECT_NAME) :: name
  integer :: table(3, 4), source(3, 4)

  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  right = mod(rank + 1, ranks)
  left = mod(rank + ranks - 1, ranks)
  value = rank + 1
  call MPI_Allreduce(MPI_IN_PLACE, value, 1, MPI_INTEGER, MPI_SUM, MPI_COMM_WORLD, ierr)
  print *, rank, 'sum', value
  call MPI_Op_create(add, .true., op, ierr)
  call MPI_Allreduce(rank, total, 1, MPI_INTEGER, op, MPI_COMM_WORLD, ierr)
  print *, rank, 'own sum', total
  call MPI_Op_free(op, ierr)

  call MPI_Comm_dup(MPI_COMM_WORLD, comm, ierr)
  extra = 7
  call MPI_Comm_create_keyval(copy_attribute, delete_attribute, key, extra, ierr)
  attribute = 1000
  call MPI_Comm_set_attr(comm, key, attribute, ierr)
  call MPI_Comm_dup(comm, dup, ierr)
  call MPI_Comm_get_attr(dup, key, attribute, flag, ierr)
  print *, rank, 'attribute', attribute, flag
  call MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, attribute, flag, ierr)
  print *, rank, 'tag_ub', attribute, flag
  call MPI_Comm_free_keyval(key, ierr)

  call MPI_Comm_create_errhandler(handler, errhandler, ierr)
  call MPI_Comm_set_errhandler(dup, errhandler, ierr)
  call MPI_Errhandler_free(errhandler, ierr)
  call MPI_Send(value, 1, MPI_INTEGER, ranks + 5, 1, dup, ierr)
  print *, rank, 'handled', handled, ierr /= MPI_SUCCESS
  call MPI_Comm_set_name(dup, 'from Fortran', ierr)
  call MPI_Comm_get_name(dup, name, length, ierr)
  print *, rank, 'name ', name(1:length), length
  call MPI_Comm_free(dup, ierr)

  call MPI_Type_vector(4, 1, 3, MPI_INTEGER, column, ierr)
  call MPI_Type_commit(column, ierr)
  table = -1
  source = rank
  call MPI_Irecv(table, 1, column, left, 5, comm, request(1), ierr)
  call MPI_Isend(rank, 1, MPI_INTEGER, right, 6, comm, request(2), ierr)
  call MPI_Send(source, 1, column, right, 5, comm, ierr)
  call MPI_Recv(received, 1, MPI_INTEGER, MPI_ANY_SOURCE, 6, comm, status, ierr)
  call MPI_Waitall(2, request, MPI_STATUSES_IGNORE, ierr)
  print *, rank, 'column', table(1, :), table(2, 1), received, status(MPI_SOURCE), all(request == MPI_REQUEST_NULL)
  call MPI_Type_free(column, ierr)

  call MPI_Send_init(value, 1, MPI_INTEGER, right, 8, comm, request(1), ierr)
  call MPI_Recv_init(received, 1, MPI_INTEGER, left, 8, comm, request(2), ierr)
  do i = 1, 3
    value = rank * 10 + i
    call MPI_Startall(2, request, ierr)
    if (i == 1) call MPI_Waitall(2, request, statuses, ierr)
    if (i == 2) then
      call MPI_Waitsome(2, request, index, box, statuses, ierr)
      call MPI_Waitall(2, request, MPI_STATUSES_IGNORE, ierr)
    end if
    if (i == 3) then
      call MPI_Wait(request(2), status, ierr)
      call MPI_Wait(request(1), MPI_STATUS_IGNORE, ierr)
    end if
    print *, rank, 'persistent', received, any(request == MPI_REQUEST_NULL)
  end do
  call MPI_Request_free(request(1), ierr)
  call MPI_Request_free(request(2), ierr)
  print *, rank, 'freed', all(request == MPI_REQUEST_NULL)

  extra = 55
  call MPI_Grequest_start(query, release, cancel, extra, request(1), ierr)
  call MPI_Grequest_complete(request(1), ierr)
  call MPI_Wait(request(1), status, ierr)
  call MPI_Get_count(status, MPI_INTEGER, length, ierr)
  print *, rank, 'generalized', queried, freed, status(MPI_TAG), length
  call MPI_Comm_free(comm, ierr)
  print *, rank, 'clock', MPI_Wtime() >= 0
  call MPI_Finalize(ierr)
end program
