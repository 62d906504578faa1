! SPDX-FileCopyrightText: The Quiesce Authors
! SPDX-License-Identifier: Apache-2.0
! The module mpi_f08 on the stub.
program stub_f08
  use mpi_f08
  implicit none
  integer :: rank, ranks, total, received, left, right, i
  type(MPI_Comm) :: half
  type(MPI_Request) :: request(2)
  type(MPI_Status) :: status
  type(MPI_Datatype) :: pair
  type(MPI_Group) :: group
  integer, asynchronous :: message(2), answer(2)

  call MPI_Init()
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks)
  right = mod(rank + 1, ranks)
  left = mod(rank + ranks - 1, ranks)
  call MPI_Comm_split(MPI_COMM_WORLD, mod(rank, 2), rank, half)
  call MPI_Allreduce(rank, total, 1, MPI_INTEGER, MPI_SUM, half)
  print *, rank, 'half', total
  call MPI_Comm_group(half, group)
  call MPI_Group_size(group, total)
  print *, rank, 'group', total, group == MPI_GROUP_NULL
  call MPI_Group_free(group)
  call MPI_Type_contiguous(2, MPI_INTEGER, pair)
  call MPI_Type_commit(pair)
  message = [rank, rank * rank]
  call MPI_Irecv(answer, 1, pair, left, 1, MPI_COMM_WORLD, request(1))
  call MPI_Isend(message, 1, pair, right, 1, MPI_COMM_WORLD, request(2))
  do i = 1, 2
    call MPI_Wait(request(i), status)
  end do
  print *, rank, 'got', answer, request(1) == MPI_REQUEST_NULL
  call MPI_Ibcast(total, 1, MPI_INTEGER, 0, MPI_COMM_WORLD, request(1))
  call MPI_Wait(request(1), MPI_STATUS_IGNORE)
  call MPI_Sendrecv(rank, 1, MPI_INTEGER, right, 3, received, 1, MPI_INTEGER, left, 3, MPI_COMM_WORLD, status)
  print *, rank, 'sendrecv', received, status%MPI_SOURCE
  call MPI_Type_free(pair)
  call MPI_Comm_free(half)
  print *, rank, 'null', half == MPI_COMM_NULL
  call MPI_Finalize()
end program
