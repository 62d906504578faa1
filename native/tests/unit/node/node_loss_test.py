# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""Ranks, coordinators and crnode itself that disappear in the middle of a round: nobody stays stopped."""
import os
import signal

from support import ERRORS, Coordinator, Job, failures, kill, run_tests, wait_until, wire

PHASES = ("COLLECTIVES", "STOP", "DRAIN", "DUMP", "RESUME", "SEAL")


def before(name):
    return PHASES[PHASES.index(name) - 1]


def lead_to(c, name):
    """Makes all ranks enter phase NAME and does not wait for the answer."""
    c.begin()
    if name != "COLLECTIVES":
        c.run_to(before(name))
        c.enter(name)


def a_rank_dies_in(name):
    with Job(ranks=3, options={1: ["--die", name]}) as job:
        c = Coordinator(job)
        lead_to(c, name)
        frame = c.next("rank_lost", "phase_done")
        while frame.WhichOneof("body") == "phase_done":
            assert not frame.phase_done.result, frame
            frame = c.next("rank_lost", "phase_done")
        assert frame.rank_lost.rank == 1 and frame.rank_lost.pid == job.agents[1].process.pid
        bad = failures(c.done())
        assert [(r.rank, r.error) for r in bad] == [(1, ERRORS["RANKLOST"])], bad
        c.cancel()
        job.all_go_on("CANCELLED")
        assert job.images() is None, job.images()
        wait_until(lambda: len(Coordinator(job).hello.rank) == 2, "the rank is forgotten")


def a_coordinator_goes_in(name):
    with Job(ranks=2, options={"all": ["--hang", name]}) as job:
        c = Coordinator(job)
        lead_to(c, name)
        for agent in job.agents:
            agent.wait_for("hanging" if name != "COLLECTIVES" else "BEGIN")
        c.close()
        job.all_go_on("CANCELLED")
        wait_until(lambda: job.images() is None, "the directory is removed")
        again = Coordinator(job)
        again.send(query=wire.Query())
        assert all(r.phase == wire.PHASE_IDLE for r in again.next("node_status").node_status.rank)


def crnode_is_killed_in(name):
    with Job(ranks=2, options={"all": ["--hang", name]}) as job:
        c = Coordinator(job)
        lead_to(c, name)
        for agent in job.agents:
            agent.wait_for("hanging" if name != "COLLECTIVES" else "BEGIN")
        kill(job.node().pid)
        job.all_go_on("BROKEN")
        job.start_node()
        after = Coordinator(job)
        assert sorted(r.rank for r in after.hello.rank) == [0, 1], "the new crnode knows the ranks"


def test_in_each_phase(function, text):
    def make(name):
        def test():
            function(name)

        test.__doc__ = f"{text} in {name}: the others go on, nothing is left"
        return test

    return [make(name) for name in PHASES]


def a_coordinator_goes_after_seal():
    """a coordinator that goes when all is sealed may have committed: the images stay"""
    with Job(ranks=2) as job:
        c = Coordinator(job)
        c.begin()
        c.run_to("SEAL")
        c.close()
        job.all_go_on("BROKEN")
        assert job.images() == ["rank-0.cr", "rank-1.cr"]


def a_coordinator_detaches():
    """Detach in a round cancels it"""
    with Job(ranks=2) as job:
        c = Coordinator(job)
        c.begin()
        c.run_to("STOP")
        c.send(detach=wire.Detach())
        job.all_go_on("CANCELLED")


def an_agent_closes_its_connection():
    """an agent that closes its connection while its process lives fails the round"""
    with Job(ranks=2, options={0: ["--close", "DUMP"]}) as job:
        c = Coordinator(job)
        c.begin()
        c.run_to("DRAIN")
        c.enter("DUMP")
        bad = failures(c.done())
        assert [(r.rank, r.error) for r in bad] == [(0, ERRORS["PROTOCOL"])] and "closed" in bad[0].text
        c.cancel()
        job.agents[1].wait_for("CANCELLED")
        assert job.images() is None


def the_last_rank_dies_in_a_round():
    """when the only rank dies in a round the coordinator is told, and can cancel"""
    with Job(ranks=1, options={0: ["--die", "DUMP"]}) as job:
        c = Coordinator(job)
        c.begin()
        c.run_to("DRAIN")
        c.enter("DUMP")
        assert c.next("rank_lost").rank_lost.rank == 0
        assert failures(c.done())[0].error == ERRORS["RANKLOST"]
        c.cancel()
        assert job.node().wait(10) == 0 and job.images() is None


def crnode_is_told_to_end():
    """SIGTERM cancels the round, and another crnode takes the ranks over"""
    with Job(ranks=2) as job:
        c = Coordinator(job)
        c.begin()
        c.run_to("DUMP")
        job.node().send_signal(signal.SIGTERM)
        assert job.node().wait(10) == 0
        job.all_go_on("CANCELLED")
        assert job.images() is None
        job.start_node()
        os.mkdir(job.partial(), 0o700)
        c = Coordinator(job)
        c.begin()
        assert c.run_to("SEAL").ranks == 2


def fault_point(point, name):
    def test():
        with Job(ranks=2, environment={"CR_FAULT": f"{point}=kill"}) as job:
            c = Coordinator(job)
            try:
                lead_to(c, name)
                c.done()
                raise AssertionError("crnode has survived")
            except (EOFError, ConnectionError):
                pass
            assert job.node().wait(10) == -signal.SIGKILL
            wait_until(lambda: all("BEGIN" not in a.events() or "BROKEN" in a.events() for a in job.agents),
                       "agents go on")
            assert job.images() == [], job.images()

    test.__doc__ = f"crnode killed at {point}: the agents go on by themselves"
    return test


def crnode_fails_on_purpose():
    """a node that fails before it passes DUMP on fails the round"""
    with Job(ranks=2, environment={"CR_FAULT": "node:before-forward-dump=fail"}) as job:
        c = Coordinator(job)
        c.begin()
        c.run_to("DRAIN")
        c.enter("DUMP")
        assert failures(c.done())[0].error == 5
        c.cancel()
        job.all_go_on("CANCELLED")


run_tests(test_in_each_phase(a_rank_dies_in, "a rank dies") +
          test_in_each_phase(a_coordinator_goes_in, "the coordinator disappears") +
          test_in_each_phase(crnode_is_killed_in, "crnode is killed") +
          [a_coordinator_goes_after_seal, a_coordinator_detaches, an_agent_closes_its_connection,
           the_last_rank_dies_in_a_round, crnode_is_told_to_end,
           fault_point("node:after-begin", "COLLECTIVES"), fault_point("node:before-forward-dump", "DUMP"),
           fault_point("node:after-dump", "DUMP"), fault_point("node:before-seal", "SEAL"), crnode_fails_on_purpose])
