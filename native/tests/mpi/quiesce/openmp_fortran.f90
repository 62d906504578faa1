! SPDX-FileCopyrightText: The Quiesce Authors
! SPDX-License-Identifier: Apache-2.0
! OpenMP and MPI in Fortran: in each step all threads exchange numbers and reduce, each on its own communicator, and count in a
! variable that each has for itself. In one step rank 0 asks for a checkpoint, which comes while all threads of all ranks are in
! the parallel region (driver.py).
module work
  use mpi
  use omp_lib
  implicit none
  integer, parameter :: threads = 3, steps = 6, asked_in = 3
  integer :: comms(0:threads - 1), rank = -1, ranks = 0, wrong = 0
  character(len=400) :: folder = ''
  integer, save :: own = 0
  !$omp threadprivate(own)
contains
  subroutine check(ok, what, step)
    logical, intent(in) :: ok
    character(len=*), intent(in) :: what
    integer, intent(in) :: step
    if (ok) return
    !$omp critical
    wrong = wrong + 1
    print *, '# rank', rank, ', step', step, ': ', what
    !$omp end critical
  end subroutine
  subroutine ask()
    integer :: unit
    if (folder == '') return
    open (newunit=unit, file=trim(folder)//'/want-1', status='new')
    close (unit)
  end subroutine
  logical function is_over()
    is_over = .true.
    if (folder /= '') inquire (file=trim(folder)//'/done-1', exist=is_over)
  end function
  ! Gives a number to the next rank, and adds up over all.
  subroutine talk(me, step)
    integer, intent(in) :: me, step
    integer :: out, in, total, left, ierr
    left = mod(rank + ranks - 1, ranks)
    out = step*1000 + rank*10 + me
    call MPI_Sendrecv(out, 1, MPI_INTEGER, mod(rank + 1, ranks), me, in, 1, MPI_INTEGER, left, me, comms(me), &
                      MPI_STATUS_IGNORE, ierr)
    call check(in == step*1000 + left*10 + me, 'received', step)
    call MPI_Allreduce(out, total, 1, MPI_INTEGER, MPI_SUM, comms(me), ierr)
    call check(total == ranks*(step*1000 + me) + 5*ranks*(ranks - 1), 'sum', step)
  end subroutine
  subroutine play(step)
    integer, intent(in) :: step
    integer :: me, ierr
    logical :: over
    !$omp parallel num_threads(threads) private(me, over, ierr)
    me = omp_get_thread_num()
    if (step == asked_in .and. rank == 0 .and. me == 0) call ask()
    do
      call talk(me, step)
      over = step /= asked_in
      if (.not. over .and. rank == 0) over = is_over()
      call MPI_Bcast(over, 1, MPI_LOGICAL, 0, comms(me), ierr)
      if (over) exit
    end do
    own = own + step*(me + 1)
    !$omp end parallel
  end subroutine
end module

program openmp_fortran
  use work
  implicit none
  integer :: ierr, level, i
  call omp_set_dynamic(.false.)
  call MPI_Init_thread(MPI_THREAD_MULTIPLE, level, ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, ranks, ierr)
  call get_environment_variable('QUIESCE_TEST_DIR', folder)
  do i = 0, threads - 1
    call MPI_Comm_dup(MPI_COMM_WORLD, comms(i), ierr)
  end do
  do i = 1, steps
    call play(i)
  end do
  !$omp parallel num_threads(threads)
  call check(own == steps*(steps + 1)/2*(omp_get_thread_num() + 1), 'the variable of a thread', steps)
  !$omp end parallel
  if (rank == 0 .and. wrong == 0) print '(a)', 'ok fortran'
  call MPI_Finalize(ierr)
  if (wrong /= 0) stop 1
end program
