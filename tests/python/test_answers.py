"""`--as pyspark` and `--as pyflink`: unmodified programs, and names without a counterpart."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in (HERE / "programs").glob("*.py"))


@pytest.fixture
def run_as(tmp_path):
    """Runs a program whose imports are answered."""

    def run(package, text):
        (tmp_path / "job.py").write_text(text, encoding="utf-8")
        return subprocess.run(
            [str(Path(sys.executable).with_name("millstream")), "run", "--as", package, "job.py"],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            cwd=tmp_path,
        )

    return run


@pytest.mark.usefixtures("hash_of_the_captures")
@pytest.mark.parametrize("name", NAMES)
def test_a_program_for_pyspark_runs_as_it_is(name, run_as):
    text = (HERE / "programs" / f"{name}.py").read_text(encoding="utf-8")
    assert "millstream.spark" in text
    ended = run_as("pyspark", text.replace("millstream.spark", "pyspark"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == (HERE / "expected" / f"{name}.txt").read_text(encoding="utf-8")


def test_an_answer_is_our_module_itself_in_the_driver_and_in_workers(run_as, tmp_path):
    (tmp_path / "helper.py").write_text(
        "import pyspark.rdd\nfrom pyspark import TaskContext\n\n\ndef where(_):\n"
        "    from pyspark.statcounter import StatCounter\n"
        "    return pyspark.rdd.__name__, TaskContext.__module__, StatCounter.__module__\n"
    )
    ended = run_as(
        "pyspark",
        "import helper, pyspark, millstream.spark\n"
        "assert pyspark is millstream.spark and pyspark.rdd is millstream.spark.rdd\n"
        "assert pyspark.__spec__.name == pyspark.__name__ == 'millstream.spark'\n"
        "with pyspark.SparkContext('local[2]', 'answers') as sc:\n"
        "    print(sc.parallelize([1, 2], 2).map(helper.where).distinct().collect())\n"
        "    print(sc.range(2).map(lambda n: pyspark.StorageLevel.DISK_ONLY.useDisk).collect())\n",
    )
    names = ("millstream.spark.rdd", "millstream.spark.taskcontext", "millstream.spark.statcounter")
    assert ended.stdout == f"{[names]}\n[True, True]\n", ended.stderr


BEGIN = "from pyspark import SparkContext\nsc = SparkContext('local', 'absent')\n"


@pytest.mark.parametrize(
    "text, said",
    [
        (
            "from pyspark.sql import SparkSession",
            "job.py, line 1: `pyspark.sql` has no counterpart.*no DataFrames",
        ),
        (
            "import pyspark.mllib.clustering",
            "job.py, line 1: `pyspark.mllib` has no counterpart.*machine learning",
        ),
        (
            "\nfrom pyspark import SparkContexts",
            "line 2: `pyspark.SparkContexts` has no counterpart.*`SparkContext`",
        ),
        ("from py4j.protocol import Py4JJavaError", "line 1: `py4j` has no counterpart.*reaches for Java"),
        (
            "import importlib\nimportlib.import_module('pyspark.ml')",
            "job.py, line 2: `pyspark.ml` has no counterpart",
        ),
        (
            BEGIN + "sc._jvm.System.exit(1)",
            "job.py, line 3: `SparkContext._jvm` has no counterpart.*reaches for Java",
        ),
        (
            BEGIN + "sc._jsc.hadoopConfiguration()",
            "job.py, line 3: `SparkContext._jsc` has no counterpart.*for Java",
        ),
        (
            BEGIN + "sc._gateway",
            "job.py, line 3: `SparkContext._gateway` has no counterpart.*reaches for Java",
        ),
        (
            BEGIN + "sc.range(1).mapPartition(id)",
            "line 3: `RDD.mapPartition` has no counterpart.*`mapPartitions`",
        ),
        (BEGIN + "import pyspark\npyspark.Rdd", "line 4: `pyspark.Rdd` has no counterpart.*`RDD`"),
        (BEGIN + "SparkContext.getOrMake()", "line 3: `SparkContext.getOrMake` has no counterpart"),
    ],
)
def test_a_name_without_a_counterpart_is_said_with_its_line(run_as, text, said):
    ended = run_as("pyspark", text)
    assert ended.returncode == 1
    assert re.search(said, ended.stderr.splitlines()[-1]), ended.stderr
    assert "_answers.py" not in ended.stderr and "importlib" not in ended.stderr.replace(
        "importlib.import", ""
    )


ENV = (
    "from pyflink.datastream import StreamExecutionEnvironment\n"
    "env = StreamExecutionEnvironment.get_execution_environment()\n"
)


@pytest.mark.parametrize(
    "text, said",
    [
        (
            "from pyflink.java_gateway import get_gateway",
            "line 1: `pyflink.java_gateway` has no counterpart.*for Java",
        ),
        (
            "from pyflink.table import TableEnvironment",
            "line 1: `pyflink.table` has no counterpart.*no SQL in Python",
        ),
        (
            "from pyflink.datastream.connectors.kafka import FlinkKafkaConsumer",
            r"job.py, line 1: .*connectors\.kafka\.FlinkKafkaConsumer` has no counterpart",
        ),
        (
            "from pyflink.datastream.connectors.pulsar import PulsarSource",
            r"job.py, line 1: .*connectors\.pulsar is not supported here yet; add_source takes",
        ),
        (
            "from pyflink.datastream.connectors import FlinkKafkaConsumer",
            "job.py, line 1: .*FlinkKafkaConsumer",
        ),
        (
            "from pyflink.datastream.operations import Map",
            "line 1: `pyflink.datastream.operations` has no counterpart",
        ),
        (ENV + "env._j_stream_execution_environment", "line 3: `StreamExecutionEnvironment._j_.*for Java"),
        (
            ENV + "env.from_collections([1])",
            "line 3: .*from_collections` has no counterpart.*`from_collection`",
        ),
    ],
)
def test_a_program_of_pyflink_that_reaches_for_java_is_told_the_line(run_as, text, said):
    ended = run_as("pyflink", text)
    assert ended.returncode == 1
    assert re.search(said, ended.stderr.splitlines()[-1]), ended.stderr


def test_a_program_may_ask_whether_a_name_is_there(run_as):
    text = "try:\n    import pyspark.sql\nexcept ImportError as error:\n    print(error.name)\n"
    assert run_as("pyspark", text).stdout == "pyspark.sql\n"


def test_errors_that_are_not_about_our_names_stay_as_they_are(run_as):
    for text, last in (
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("(1).missing", "AttributeError: 'int' object has no attribute 'missing'"),
        (
            BEGIN + "class Mine(SparkContext):\n    pass\n\n\nraise AttributeError('mine')",
            "AttributeError: mine",
        ),
    ):
        assert run_as("pyspark", text).stderr.splitlines()[-1] == last


def test_an_import_that_nobody_answers_says_how_it_would_be(program):
    ended = subprocess.run(
        [sys.executable, "-m", "millstream", "run", "/dev/stdin"],
        input="import pyflink.datastream",
        capture_output=True,
        text=True,
    )
    assert "run the program with `millstream run --as pyflink`" in ended.stderr
