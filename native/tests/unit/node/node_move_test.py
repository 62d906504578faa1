# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0
"""Images that are written to a disk of the node first: their directory, and their way to the directory of the checkpoint."""
import os
import signal

import support
from support import Coordinator, Job, failures, kill, run_tests, wait_until, wire

SAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../golden/image/sample-1.cr")
with open(SAMPLE, "rb") as sample:
    WHOLE = sample.read()


class LocalJob(Job):
    def __enter__(self):
        super().__enter__()
        self.disk = self.home + "/disk/test.1234"
        self.to = self.home + "/images/7"
        os.mkdir(self.to)
        return self

    def begin(self, coordinator, name, sequence=0, keep_from=0):
        coordinator.round += 1
        coordinator.send(begin=wire.Begin(round=coordinator.round, sequence=sequence, directory=f"{self.disk}/{name}",
                                          world_size=self.world, node_local=True, keep_from=keep_from))
        return f"{self.disk}/{name}"

    def place(self, name="7-1", count=2, data=WHOLE):
        """A directory with images, as a round leaves it."""
        path = f"{self.disk}/{name}"
        os.makedirs(path, 0o700)
        for rank in range(count):
            with open(f"{path}/rank-{rank}.cr", "wb") as file:
                file.write(data)
        return path

    def mover(self):
        """The pid of cr_move, or None."""
        with open(f"/proc/{self.node().pid}/task/{self.node().pid}/children", encoding="ascii") as file:
            children = file.read().split()
        return int(children[0]) if children else None

    def mover_stands(self):
        pid = self.mover()
        if pid is None:
            return False
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().split()[2] == "T"


def order(job, coordinator, path):
    coordinator.send(move=wire.Move(to=job.to, **{"from": path}))


def moved(coordinator):
    return coordinator.next("moved").moved


def state(job, path, rank):
    """Where the image of RANK is, each checked to be whole."""
    found = []
    for name, folder in (("local", path), ("shared", job.to)):
        file = f"{folder}/rank-{rank}.cr"
        if os.path.exists(file):
            with open(file, "rb") as image:
                assert image.read() == WHOLE, file
            found.append(name)
    return found


def directory():
    """The node makes the directory, removes what is old beside it, and takes back what a cancelled round has written."""
    with LocalJob() as job:
        for name in ("3-11", "4-12", "5-13", "notes"):
            os.makedirs(f"{job.disk}/{name}", 0o700)
            with open(f"{job.disk}/{name}/rank-0.cr", "w", encoding="ascii"):
                pass
        coordinator = Coordinator(job)
        path = job.begin(coordinator, "5-99", sequence=5, keep_from=4)
        assert not failures(coordinator.run_to("SEAL"))
        assert sorted(os.listdir(path)) == ["rank-0.cr", "rank-1.cr"]
        assert os.stat(path).st_mode & 0o777 == 0o700
        assert sorted(os.listdir(job.disk)) == ["4-12", "5-99", "notes"]
        coordinator.cancel()
        assert sorted(os.listdir(job.disk)) == ["4-12", "notes"]


def committed():
    """Once its images are sealed, a round whose coordinator has gone may be committed: they stay."""
    with LocalJob() as job:
        coordinator = Coordinator(job)
        path = job.begin(coordinator, "0-1")
        assert not failures(coordinator.run_to("SEAL"))
        coordinator.close()
        job.all_go_on("BROKEN", "END", "ENDED", "RESUME")
        fresh = Coordinator(job)
        job.begin(fresh, "1-2", sequence=1)
        assert not failures(fresh.run_to("COLLECTIVES"))
        fresh.cancel()
        assert sorted(os.listdir(path)) == ["rank-0.cr", "rank-1.cr"]


def of_others():
    """A directory into which others may write is refused by name, before a rank is disturbed."""
    with LocalJob() as job:
        os.makedirs(job.disk)
        os.chmod(job.disk, 0o777)
        coordinator = Coordinator(job)
        job.begin(coordinator, "0-1")
        answer = failures(coordinator.done())
        assert answer and "is not yours alone" in answer[0].text, answer
        assert not any(agent.has_said("BEGIN") for agent in job.agents)


def whole():
    """A move leaves every image at its new place, whole, and nothing at the old one; again it has nothing to do."""
    with LocalJob() as job:
        coordinator = Coordinator(job)
        path = job.place()
        for _ in range(2):
            order(job, coordinator, path)
            answer = moved(coordinator)
            assert (getattr(answer, "from"), answer.error) == (path, 0), answer
        assert not os.path.exists(path)
        assert [state(job, path, rank) for rank in (0, 1)] == [["shared"]] * 2
        assert sorted(os.listdir(job.to)) == ["rank-0.cr", "rank-1.cr"]
        assert os.stat(job.to + "/rank-0.cr").st_mode & 0o777 == 0o600


def damaged():
    """A damaged image is not moved and not removed; the others are."""
    with LocalJob() as job:
        coordinator = Coordinator(job)
        path = job.place()
        with open(path + "/rank-0.cr", "r+b") as file:
            file.seek(len(WHOLE) - 100)
            file.write(b"otherwise")
        order(job, coordinator, path)
        answer = moved(coordinator)
        assert answer.error != 0 and "rank-0.cr" in answer.text, answer
        assert os.listdir(job.to) == ["rank-1.cr"] and os.listdir(path) == ["rank-0.cr"]


def killed():
    """Killed at any place, it leaves each image whole on one side, and the next one does the rest."""
    for point in ("move:half", "move:before-name", "move:before-remove"):
        with LocalJob(environment={"CR_FAULT": point + "=kill"}) as job:
            coordinator = Coordinator(job)
            path = job.place()
            order(job, coordinator, path)
            assert moved(coordinator).error != 0
            where = [state(job, path, rank) for rank in (0, 1)]
            assert all(where) and ["local"] in where, (point, where)
            kill(job.node().pid)
            job.node().wait()
            job.environment.pop("CR_FAULT")
            job.start_node("--job", "test", "--world-size", "2")
            fresh = Coordinator(job)
            order(job, fresh, path)
            assert moved(fresh).error == 0
            assert [state(job, path, rank) for rank in (0, 1)] == [["shared"]] * 2
            assert sorted(os.listdir(job.to)) == ["rank-0.cr", "rank-1.cr"]


def orphaned():
    """A move goes on when its crnode is killed; one that another crnode is asked for waits for it."""
    with LocalJob(environment={"CR_FAULT": "move:half=stop@1"}) as job:
        coordinator = Coordinator(job)
        path = job.place()
        order(job, coordinator, path)
        wait_until(job.mover_stands, "cr_move stands still")
        orphan = job.mover()
        kill(job.node().pid)
        job.node().wait()
        job.environment.pop("CR_FAULT")
        job.start_node("--job", "test", "--world-size", "2")
        fresh = Coordinator(job)
        order(job, fresh, path)
        os.kill(orphan, signal.SIGCONT)
        assert moved(fresh).error == 0
        assert [state(job, path, rank) for rank in (0, 1)] == [["shared"]] * 2


def superseded():
    """A move of newer images takes the place of one that is under way, whose images stay."""
    with LocalJob(environment={"CR_FAULT": "move:half=stop@1"}) as job:
        coordinator = Coordinator(job)
        path = job.place()
        order(job, coordinator, path)
        wait_until(job.mover_stands, "cr_move stands still")
        order(job, coordinator, job.disk + "/8-2")
        answer = moved(coordinator)
        assert getattr(answer, "from") == path and answer.error == 1104, answer
        assert moved(coordinator).error == 0
        assert all(state(job, path, rank) == ["local"] for rank in (0, 1))


def outlives():
    """crnode stays after the last rank until the move has ended, and a coordinator that comes meanwhile hears of it."""
    with LocalJob(environment={"CR_FAULT": "move:half=stop@1"}) as job:
        path = job.place()
        first = Coordinator(job)
        order(job, first, path)
        wait_until(job.mover_stands, "cr_move stands still")
        first.close()
        for agent in job.agents:
            agent.end()
        second = Coordinator(job, timeout=20)
        wait_until(lambda: not second_ranks(job), "crnode sees the ranks' end")
        order(job, second, path)
        os.kill(job.mover(), signal.SIGCONT)
        assert moved(second).error == 0
        assert all(state(job, path, rank) == ["shared"] for rank in (0, 1))
        second.close()
        job.node().wait(20)


def second_ranks(job):
    coordinator = Coordinator(job)
    ranks = list(coordinator.hello.rank)
    coordinator.close()
    return ranks


if not os.path.exists(os.path.join(os.path.dirname(support.CRNODE), "cr_move")):
    print("1..0 # SKIP no cr_move beside crnode")
    raise SystemExit(77)
run_tests([directory, committed, of_others, whole, damaged, killed, orphaned, superseded, outlives])
