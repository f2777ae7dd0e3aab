"""A site's file: what is wrong with it is said in one line, and nothing in it is ignored."""

import click
import pytest

from metasweep.cluster import schedulers, site
from tests.cluster.conftest import REPOSITORY

WRONG = {
    "": "has lines such as `name: …`",
    "\tname: x\n": "is not YAML: .* line 1",
    "kill_delai: 3\n": "no 'kill_delai'",
    "kill_delay: '30'\n": "a number of seconds",
    "modules: [a, b]\n": "`modules:` is a text",
    "queues: short\n": "`queues:` is a list",
    "queues: [short]\n": "a queue has lines such as `name: …`",
    "queues: [{name: short}]\n": "a queue needs `walltime:`",
    "queues: [{name: short, walltime: 4:00:00}]\n": "quotation marks",
    "queues: [{name: short, walltime: '4:00'}]\n": "'4:00' is not a time",
    "queues: [{name: short, walltime: '4:00:00', gpu: true}]\n": "no 'gpu'",
    "scratch: {kinds: ssd}\n": "is a list such as",
    "ticket: klist -s\n": "`ticket:` has lines such as `check: …`",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_file_that_describes_no_site(tmp_path, text):
    (tmp_path / "site.yaml").write_text(text)
    with pytest.raises(click.UsageError, match=WRONG[text]) as caught:
        site.read(tmp_path / "site.yaml")
    assert "\n" not in caught.value.message


def test_a_scheduler_that_nobody_knows():
    with pytest.raises(click.UsageError, match="'slrum' is none of pbs, slurm"):
        schedulers.find("pbs", site.build({"scheduler": "slrum"}))


def test_the_site_of_this_repository():
    found = site.read(REPOSITORY / "metacentrum" / "site.yaml")
    assert (found.scheduler, found.scratch.size, found.ticket.check) == ("pbs", "10gb", ("klist", "-s"))
