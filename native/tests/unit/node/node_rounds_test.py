# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""Rounds that end well, and rounds that are refused or cancelled."""
import os
import signal
import socket

from support import ERRORS, Coordinator, Job, failures, run_tests, wait_until, wire


def a_round_of_two_ranks():
    """a round passes all phases, names every image, and leaves the images in place"""
    with Job(ranks=2) as job:
        c = Coordinator(job)
        assert sorted(r.rank for r in c.hello.rank) == [0, 1] and c.hello.world_size == 2
        assert c.hello.job == "test"
        c.begin()
        answer = c.run_to("SEAL")
        assert answer.ranks == 2 and not failures(answer)
        assert sorted((r.rank, r.file, r.bytes) for r in answer.result) == [(0, "rank-0.cr", 5), (1, "rank-1.cr", 5)]
        c.send(end=wire.End(signal=0))
        for agent in job.agents:
            agent.wait_for("END")
            assert agent.process.poll() is None
        assert job.images() == ["rank-0.cr", "rank-1.cr"]


def many_rounds_follow_each_other():
    """rounds follow each other on one connection, and on another one"""
    with Job(ranks=3) as job:
        for _ in range(2):
            c = Coordinator(job)
            for _ in range(5):
                c.begin()
                assert c.run_to("SEAL").ranks == 3
                c.send(end=wire.End(signal=0))
            c.close()


def sixty_four_ranks():
    """64 ranks take part, in less than 4 MiB of memory"""
    with Job(ranks=64) as job:
        c = Coordinator(job)
        assert len(c.hello.rank) == 64
        c.begin()
        answer = c.run_to("STOP")
        assert answer.ranks == 64 and [r.rank for r in answer.result] == [63], "the slowest one only"
        for name in ("DUMP", "RESUME", "SEAL"):
            c.enter(name)
            answer = c.done()
        assert len(answer.result) == 64
        job.check_memory()


def a_refusal_in_stop():
    """a rank that refuses in STOP fails the round at once, and the others go on"""
    with Job(ranks=3, options={1: ["--fail", "STOP=1102"]}) as job:
        c = Coordinator(job)
        c.begin()
        c.done()
        c.enter("STOP")
        bad = failures(c.done())
        assert [(r.rank, r.error) for r in bad] == [(1, ERRORS["REFUSED"])] and "refuses in STOP" in bad[0].text
        c.cancel()
        job.all_go_on("CANCELLED")
        assert job.images() is None, "the directory has gone"


def writers_take_turns():
    """no more ranks write at once than the coordinator allows"""
    with Job(ranks=4) as job:
        c = Coordinator(job)
        c.begin(writers=1)
        assert c.run_to("SEAL").ranks == 4
    with Job(ranks=4, options={"all": ["--hang", "DUMP"]}) as job:
        c = Coordinator(job)
        c.begin(writers=3)
        c.run_to("STOP")
        c.enter("DUMP")
        c.send(query=wire.Query())
        status = c.next("node_status").node_status
        waiting = [r for r in status.rank if r.waits_for == "another rank of this node is writing"]
        assert len(waiting) == 1 and all(r.phase == wire.PHASE_DUMP for r in status.rank)
        c.cancel()
        assert sum("DUMP" in a.events() for a in job.agents) == 3


def a_second_round_at_once():
    """while a round is in progress another one is refused, and queries are answered"""
    with Job(ranks=2) as job:
        first, second = Coordinator(job), Coordinator(job)
        first.begin()
        first.run_to("STOP")
        second.round = 100
        second.begin()
        assert failures(second.done())[0].error == ERRORS["BUSY"]
        second.send(cancel=wire.Cancel(reason="not its round"))
        assert second.done().phase == wire.PHASE_RESUME
        second.send(query=wire.Query())
        status = second.next("node_status").node_status
        assert [r.phase for r in status.rank] == [wire.PHASE_STOP, wire.PHASE_STOP]
        first.enter("DUMP")
        assert not failures(first.done())
        first.cancel()


def collectives_are_passed_on():
    """reports go up with each group's members once, targets and releases go down to their ranks"""
    with Job(ranks=3, options={"all": ["--mpi"]}) as job:
        c = Coordinator(job)
        c.begin()
        reports = [c.next("collective_report").collective_report for _ in range(3)]
        assert sorted(r.rank for r in reports) == [0, 1, 2]
        members = [g for r in reports for g in r.group]
        assert len(members) == 1 and members[0].member[0].last == 2
        assert all(len(r.clock) == 2 for r in reports)
        clock = wire.GroupClock(id_high=7, id_low=11, sequence=9)
        c.send(targets=wire.Targets(clock=[clock], rank=2))
        report = c.next("collective_report").collective_report
        assert report.rank == 2 and report.clock[0].sequence == 9 and not report.group
        c.send(release=wire.Release(rank=[0, 1, 77]))
        used = {}
        while len(used) < 2:
            report = c.next("collective_report").collective_report
            used[report.rank] = report.releases_used
        assert used == {0: 1, 1: 1}
        assert "RELEASE" not in job.agents[2].events() and "TARGETS" not in job.agents[0].events()
        c.send(query=wire.Query())
        status = {r.rank: r for r in c.next("node_status").node_status.rank}
        held = status[1].call[0]
        assert held.name == "MPI_Barrier" and held.held and held.member[0].last == 2
        assert [(r.first, r.last) for r in status[1].rank_waited_for] == [(0, 0)]
        assert not status[2].rank_waited_for and status[2].waits_for == ""
        c.enter("STOP")
        assert not failures(c.done()), "the coordinator decides when collectives have converged"
        c.cancel()


def phases_in_a_wrong_order():
    """a phase that cannot follow is refused, and nobody stays stopped"""
    with Job(ranks=2) as job:
        c = Coordinator(job)
        c.begin()
        c.run_to("STOP")
        c.enter("STOP")
        assert failures(c.done())[0].error == ERRORS["PROTOCOL"]
        c.cancel()
        job.all_go_on("CANCELLED")


def the_end_before_the_images_are_sealed():
    """End before SEAL is a cancellation"""
    with Job(ranks=2) as job:
        c = Coordinator(job)
        c.begin()
        c.run_to("DUMP")
        c.send(end=wire.End(signal=signal.SIGKILL))
        assert c.done().phase == wire.PHASE_RESUME
        job.all_go_on("CANCELLED")
        assert all(a.process.poll() is None for a in job.agents) and job.images() is None


def the_end_with_a_signal():
    """End with a signal kills every rank, and crnode leaves with its files"""
    with Job(ranks=2) as job:
        c = Coordinator(job)
        c.begin(keep_stopped=True)
        c.run_to("SEAL")
        c.send(end=wire.End(signal=signal.SIGKILL))
        lost = sorted(c.next("rank_lost").rank_lost.rank for _ in range(2))
        assert lost == [0, 1]
        assert all(a.process.wait(5) == -signal.SIGKILL for a in job.agents)
        assert job.images() == ["rank-0.cr", "rank-1.cr"]
        assert job.node().wait(10) == 0
        assert not os.path.exists(job.directory) and not os.path.exists(job.run)


def no_ranks_yet():
    """a round without ranks is refused"""
    with Job(ranks=0) as job:
        c = Coordinator(job)
        c.begin()
        assert failures(c.done())[0].error == ERRORS["NOTREADY"]


def a_rank_that_comes_late():
    """coordinators learn about ranks that register while they are connected"""
    with Job(ranks=1) as job:
        c = Coordinator(job)
        job.agents.append(type(job.agents[0])(job, 0, "--no-register"))
        job.agents[0].end()
        assert c.next("rank_lost").rank_lost.rank == 0
        job.agents.append(type(job.agents[0])(job, 0))
        hello = c.next("node_hello").node_hello
        assert [r.pid for r in hello.rank] == [job.agents[-1].process.pid]
        wait_until(lambda: "registered" in job.agents[-1].events(), "the new rank is answered")


def a_directory_of_another_host():
    """a directory for the images that this host does not see is refused with both names, and nothing is written"""
    with Job(ranks=1) as job:
        os.rmdir(job.partial())
        c = Coordinator(job)
        c.begin()
        answer = c.done()
        assert failures(answer) and job.partial() in answer.result[0].text, answer
        assert socket.gethostname() in answer.result[0].text and "share" in answer.result[0].text
        os.mkdir(job.partial(), 0o700)
        c.begin()
        assert c.run_to("SEAL").ranks == 1


run_tests([a_round_of_two_ranks, many_rounds_follow_each_other, sixty_four_ranks, a_refusal_in_stop, writers_take_turns,
           a_second_round_at_once, collectives_are_passed_on, phases_in_a_wrong_order,
           the_end_before_the_images_are_sealed, the_end_with_a_signal, no_ranks_yet, a_rank_that_comes_late, a_directory_of_another_host])
