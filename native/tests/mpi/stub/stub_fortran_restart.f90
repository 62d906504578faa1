! SPDX-FileCopyrightText: The Quiesce Authors
! SPDX-License-Identifier: Apache-2.0
! What a Fortran program holds across a checkpoint (../quiesce/driver.py): integer handles, attributes with copy and delete
! functions, an error handler, a user operation, an intercommunicator, persistent and pending requests.
module kept
  use mpi
  implicit none
  integer :: handled = 0, handled_comm = 0, copied = 0, deleted = 0, wrong = 0, rank = -1
contains
  subroutine check(ok, what)
    logical, intent(in) :: ok
    character(len=*), intent(in) :: what
    if (.not. ok) then
      wrong = wrong + 1
      print *, '# rank', rank, ': ', what
    end if
  end subroutine
  subroutine add(in, inout, length, type)
    integer :: length, type
    integer :: in(length), inout(length)
    call check(type == MPI_INTEGER, 'type of the operation')
    inout = inout + in
  end subroutine
  subroutine copy_attribute(comm, key, extra, in, out, flag, ierr)
    integer :: comm, key, ierr
    integer(kind=MPI_ADDRESS_KIND) :: extra, in, out
    logical :: flag
    copied = copied + 1
    out = in + extra
    flag = .true.
    ierr = MPI_SUCCESS
  end subroutine
  subroutine delete_attribute(comm, key, value, extra, ierr)
    integer :: comm, key, ierr
    integer(kind=MPI_ADDRESS_KIND) :: value, extra
    deleted = deleted + 1
    ierr = MPI_SUCCESS
  end subroutine
  subroutine handler(comm, code)
    integer :: comm, code
    handled = handled + 1
    handled_comm = comm
  end subroutine
  ! A checkpoint is asked for, and over.
  subroutine checkpoint(number)
    integer, intent(in) :: number
    character(len=400) :: folder
    character(len=12) :: text
    logical :: there
    integer :: unit
    call get_environment_variable('QUIESCE_TEST_DIR', folder)
    write (text, '(i0)') number
    if (rank == 0) then
      open (newunit=unit, file=trim(folder)//'/want-'//trim(text), status='new')
      close (unit)
    end if
    there = .false.
    do while (.not. there)
      inquire (file=trim(folder)//'/done-'//trim(text), exist=there)
    end do
  end subroutine
end module

program stub_fortran_restart
  use mpi
  use kept
  implicit none
  integer :: ierr, ranks, comm, dup, half, inter, op, key, errhandler, pair, group, info, again, request, later, left, right, i
  integer :: total, expected, received, arrived, others, mine, status(MPI_STATUS_SIZE)
  integer(kind=MPI_ADDRESS_KIND) :: extra, attribute
  logical :: flag
  character(len=MPI_MAX_OBJECT_NAME) :: name
  character(len=20) :: value

  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  right = mod(rank + 1, ranks)
  left = mod(rank + ranks - 1, ranks)
  call MPI_Comm_dup(MPI_COMM_WORLD, comm, ierr)
  call MPI_Comm_set_name(comm, 'kept', ierr)
  extra = 7
  call MPI_Comm_create_keyval(copy_attribute, delete_attribute, key, extra, ierr)
  attribute = 1000
  call MPI_Comm_set_attr(comm, key, attribute, ierr)
  call MPI_Comm_create_errhandler(handler, errhandler, ierr)
  call MPI_Comm_set_errhandler(comm, errhandler, ierr)
  call MPI_Op_create(add, .true., op, ierr)
  call MPI_Type_vector(2, 1, 3, MPI_INTEGER, pair, ierr)
  call MPI_Type_commit(pair, ierr)
  call MPI_Comm_group(comm, group, ierr)
  call MPI_Info_create(info, ierr)
  call MPI_Info_set(info, 'colour', 'green', ierr)
  call MPI_Comm_split(MPI_COMM_WORLD, mod(rank, 2), rank, half, ierr)
  call MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, 1 - mod(rank, 2), 4, inter, ierr)
  call MPI_Comm_free(half, ierr)
  call MPI_Recv_init(received, 1, MPI_INTEGER, left, 8, comm, again, ierr)

  do i = 1, 2
    arrived = -1
    call MPI_Irecv(arrived, 1, MPI_INTEGER, left, 9, comm, request, ierr)
    call MPI_Isend(rank, 1, MPI_INTEGER, right, 8, comm, later, ierr)
    call checkpoint(i)
    call MPI_Send(rank, 1, MPI_INTEGER, right, 9, comm, ierr)
    call MPI_Wait(request, status, ierr)
    call check(arrived == left .and. status(MPI_SOURCE) == left .and. request == MPI_REQUEST_NULL, 'pending receive')
    call MPI_Start(again, ierr)
    call MPI_Wait(again, status, ierr)
    call check(received == left .and. again /= MPI_REQUEST_NULL, 'persistent receive')
    call MPI_Wait(later, MPI_STATUS_IGNORE, ierr)
    call MPI_Comm_get_name(comm, name, total, ierr)
    call check(name(1:total) == 'kept', 'name')
    copied = 0
    deleted = 0
    call MPI_Comm_dup(comm, dup, ierr)
    call MPI_Comm_get_attr(dup, key, attribute, flag, ierr)
    call check(flag .and. attribute == 1007 .and. copied == 1, 'attribute')
    handled = 0
    call MPI_Send(total, 1, MPI_INTEGER, ranks + 5, 1, dup, ierr)
    call check(handled == 1 .and. handled_comm == dup .and. ierr /= MPI_SUCCESS, 'error handler')
    call MPI_Comm_free(dup, ierr)
    call check(deleted == 1, 'deletion')
    total = -1
    call MPI_Allreduce(1, total, 1, MPI_INTEGER, op, comm, ierr)
    expected = ranks
    call check(total == expected, 'own operation')
    call MPI_Type_size(pair, total, ierr)
    call check(total == 8, 'type')
    call MPI_Group_size(group, total, ierr)
    call check(total == ranks, 'group')
    call MPI_Info_get(info, 'colour', 20, value, flag, ierr)
    call check(flag .and. value == 'green', 'info')
    call MPI_Comm_remote_size(inter, others, ierr)
    mine = 1
    call MPI_Allreduce(mine, total, 1, MPI_INTEGER, MPI_SUM, inter, ierr)
    call check(total == others, 'intercommunicator')
  end do
  call MPI_Request_free(again, ierr)
  call MPI_Comm_free(inter, ierr)
  call MPI_Comm_free(comm, ierr)
  call check(deleted == 2, 'deletion at the end')
  if (wrong == 0) print '(a,i0,a)', 'ok ', rank, ' - Fortran'
  call MPI_Finalize(ierr)
  if (wrong /= 0) stop 1
end program
