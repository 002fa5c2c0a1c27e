"""Types, rows and spans of time of `millstream.flink.common`: what they take, refuse and show.

What is expected of conversions, `repr` and `str` was seen in PyFlink 2.3, but for values on which it crashes.
"""

import datetime
import decimal
import pickle

import cloudpickle
import pytest

from millstream.flink.common import Duration, Instant, Row, RowKind, Time, Types
from millstream.flink.common.typeinfo import TypeInformation, TypeMismatch, declared

TUPLE = Types.TUPLE([Types.STRING(), Types.INT()])
ROW = Types.ROW([Types.STRING(), Types.INT()])
NAMED = Types.ROW_NAMED(["a", "b"], [Types.STRING(), Types.INT()])
ALL = [
    *(
        getattr(Types, name)()
        for name in "STRING BYTE BOOLEAN SHORT INT LONG FLOAT DOUBLE CHAR BIG_INT".split()
    ),
    *(getattr(Types, name)() for name in "BIG_DEC INSTANT SQL_DATE SQL_TIME SQL_TIMESTAMP".split()),
    Types.PICKLED_BYTE_ARRAY(),
    *(TUPLE, ROW, NAMED, Types.LIST(TUPLE), Types.MAP(Types.STRING(), ROW), Types.OBJECT_ARRAY(ROW)),
    *(Types.PRIMITIVE_ARRAY(Types.INT()), Types.BASIC_ARRAY(Types.STRING())),
]


@pytest.mark.parametrize("declared_type", ALL, ids=repr)
def test_a_type_is_equal_to_its_copy_and_to_no_other(declared_type):
    declared_type.check(object())
    for copy in (
        pickle.loads(pickle.dumps(declared_type)),
        cloudpickle.loads(cloudpickle.dumps(declared_type)),
    ):
        assert copy == declared_type and hash(copy) == hash(declared_type)
    # A row is equal to one with other names: so it is in PyFlink.
    assert [other for other in ALL if other == declared_type and repr(other) != repr(declared_type)] in (
        [],
        [ROW],
        [NAMED],
    )


@pytest.mark.parametrize(
    "declared_type, value, converted",
    [
        (Types.STRING(), "s", "s"),
        (Types.BYTE(), 1.9, 1),
        (Types.INT(), -1.9, -1),
        (Types.LONG(), True, 1),
        (Types.LONG(), decimal.Decimal("1.5"), 1),
        (Types.LONG(), 2**63 - 1, 2**63 - 1),
        (Types.BIG_INT(), 2**80, 2**80),
        (Types.DOUBLE(), 3, 3.0),
        (Types.FLOAT(), decimal.Decimal("1.5"), 1.5),
        (Types.FLOAT(), 163.3, 163.3000030517578),
        (Types.FLOAT(), -1e40, float("-inf")),
        (Types.BOOLEAN(), 1.5, True),
        (Types.BOOLEAN(), 0, False),
        (Types.BIG_DEC(), 1.5, decimal.Decimal("1.5")),
        (Types.SQL_DATE(), datetime.datetime(2020, 1, 2, 3, 4), datetime.date(2020, 1, 2)),
        (Types.SQL_TIME(), datetime.datetime(2020, 1, 2, 3, 4), datetime.time(3, 4)),
        (Types.INSTANT(), None, None),
        (TUPLE, ("a", 1.5), ("a", 1)),
        (ROW, Row("a", 1), Row(f0="a", f1=1)),
        (NAMED, Row(b=1, a="a"), Row(a="a", b=1)),
        (NAMED, Row("a", None), Row(a="a", b=None)),
        (ROW, Row.of_kind(RowKind.DELETE, "a", 1), Row.of_kind(RowKind.DELETE, f0="a", f1=1)),
        (Types.LIST(Types.INT()), [1, None], [1, None]),
        (Types.MAP(Types.STRING(), Types.INT()), {"a": None, "b": 2.0}, {"a": None, "b": 2}),
        (Types.PRIMITIVE_ARRAY(Types.BYTE()), bytearray(b"x"), b"x"),
        (Types.PICKLED_BYTE_ARRAY(), {1}, {1}),
    ],
)
def test_what_a_function_returns_is_converted_as_in_pyflink(declared_type, value, converted):
    found = declared_type.convert(value)
    assert found == converted and type(found) is type(converted)
    assert declared_type.check(value) is None


def test_a_converted_row_keeps_its_kind_and_gets_the_names_of_the_type():
    row = NAMED.convert(Row.of_kind(RowKind.UPDATE_AFTER, "a", 1))
    assert (row.a, row.b, row.get_row_kind()) == ("a", 1, RowKind.UPDATE_AFTER)


@pytest.mark.parametrize(
    "declared_type, value, why",
    [
        (Types.STRING(), 1, "1 of type int was given where Types.STRING(), a str, was declared"),
        (Types.INT(), "x", "'x' of type str was given where Types.INT(), a whole number from -2147483648 to"),
        (
            Types.INT(),
            2**31,
            "2147483648 of type int was given where Types.INT(), a whole number from -2147483648 to",
        ),
        (Types.LONG(), float("nan"), "nan of type float"),
        (Types.LONG(), None, "None of type NoneType"),
        (Types.DOUBLE(), "1.5", "'1.5' of type str was given where Types.DOUBLE(), a number, was declared"),
        (Types.DOUBLE(), 10**400, "a number, that fits into 64 bits"),
        (Types.BOOLEAN(), "true", "Types.BOOLEAN(), True or False"),
        (Types.BIG_DEC(), "1.5", "a decimal.Decimal"),
        (Types.SQL_DATE(), "2020-01-02", "a datetime.date"),
        (Types.SQL_TIMESTAMP(), datetime.date(2020, 1, 2), "a datetime.datetime"),
        (TUPLE, ["a", 1], "['a', 1] of type list was given where Types.TUPLE([String, Integer]), a tuple"),
        (
            TUPLE,
            ("a",),
            "('a',) of type tuple was given where Types.TUPLE([String, Integer]), a tuple of 2 fields",
        ),
        (TUPLE, ("a", 1, 2), "a tuple of 2 fields"),
        (TUPLE, (None, 1), "field 0: None of type NoneType was given where Types.STRING()"),
        (TUPLE, Row("a", 1), "a tuple"),
        (ROW, ("a", 1), "('a', 1) of type tuple was given where Types.ROW([String, Integer]), a Row"),
        (ROW, Row(x="a", y=1), "a Row with the fields f0, f1"),
        (NAMED, Row("a", "b"), "field 'b': 'b' of type str"),
        (Types.LIST(Types.INT()), (1, 2), "a list"),
        (Types.LIST(TUPLE), [("a", 1), ("b", "c")], "element 1: field 1: 'c' of type str"),
        (Types.PRIMITIVE_ARRAY(Types.INT()), [1, None], "element 1: None"),
        (Types.MAP(Types.STRING(), Types.INT()), {1: 1}, "a key: 1 of type int"),
        (Types.MAP(Types.STRING(), Types.INT()), {"a": "b"}, "the value of 'a': 'b' of type str"),
    ],
)
def test_what_a_function_returns_and_does_not_fit_is_refused_with_the_place(declared_type, value, why):
    assert why in declared_type.check(value)
    with pytest.raises(TypeMismatch) as refused:
        declared_type.convert(value)
    assert str(refused.value) == declared_type.check(value)


class Point:
    def __init__(self):
        self.a, self.b = "a", 1


@pytest.mark.parametrize(
    "value", [("a", 1), ["a", 1], Row("a", 1), Row(b=1, a="a"), {"b": 1, "a": "a"}, Point()]
)
def test_a_source_takes_anything_that_can_be_read_as_a_row(value):
    assert NAMED.adopt(value) == Row(a="a", b=1)


@pytest.mark.parametrize("value", [("a", 1), ["a", 1], Row("a", 1)])
def test_a_source_takes_lists_and_rows_for_tuples(value):
    assert TUPLE.adopt(value) == ("a", 1)


def test_a_source_refuses_a_dictionary_with_a_field_that_the_row_has_not():
    with pytest.raises(TypeMismatch, match="no field 'c'"):
        NAMED.adopt({"a": "a", "b": 1, "c": 2})


@pytest.mark.parametrize(
    "make, why",
    [
        (lambda: Types.TUPLE(Types.STRING()), "takes a list of types"),
        (lambda: Types.TUPLE([Types.STRING]), r"field 0 of Types.TUPLE .*call it: Types.STRING\(\)"),
        (lambda: Types.ROW([Types.STRING(), str]), "field 1 of Types.ROW is a type such as"),
        (lambda: Types.ROW_NAMED(["a"], [Types.STRING(), Types.INT()]), "1 names and 2 types"),
        (lambda: Types.ROW_NAMED(["a", "a"], [Types.STRING(), Types.INT()]), "differ"),
        (lambda: Types.PRIMITIVE_ARRAY(Types.STRING()), "Types.OBJECT_ARRAY and Types.LIST take any"),
        (lambda: Types.LIST(int), "the element of Types.LIST"),
        (lambda: Types.MAP(Types.STRING(), None), "the value of Types.MAP"),
        (lambda: declared("STRING", "output_type of `map`"), "output_type of `map` is a type such as"),
    ],
)
def test_a_type_that_cannot_be_is_refused(make, why):
    with pytest.raises((TypeError, ValueError), match=why):
        make()


def test_types_are_shown_as_in_pyflink():
    nested = Types.OBJECT_ARRAY(Types.TUPLE([Types.STRING(), Types.LIST(Types.INT())]))
    assert repr(nested) == "ObjectArrayTypeInfo<TupleTypeInfo(String, ListTypeInfo<Integer>)>"
    assert repr(NAMED) == "RowTypeInfo(a: String, b: Integer)" and repr(ROW) == "RowTypeInfo(String, Integer)"
    assert (
        repr(Types.MAP(Types.CHAR(), Types.PICKLED_BYTE_ARRAY()))
        == "MapTypeInfo<Char, PickledByteArrayTypeInfo>"
    )
    assert repr(Types.SQL_TIME()) == "TimeTypeInfo" and repr(Types.INSTANT()) == "Instant"
    assert isinstance(ROW, TypeInformation) and ROW.get_field_names() == ["f0", "f1"]


def test_rows_are_shown_compared_and_pickled_as_in_pyflink():
    assert (repr(Row("a", 1)), str(Row(a=1)), repr(Row.of_kind(RowKind.DELETE, 1))) == (
        "<Row('a', 1)>",
        "Row(a=1)",
        "<Row(1)>",
    )
    assert [str(kind) for kind in RowKind] == ["+I", "-U", "+U", "-D"]
    assert (
        Row(a=1, b=2) == Row(b=2, a=1)
        and Row(1, 2) != Row(a=1, b=2)
        and Row(1) != Row.of_kind(RowKind.DELETE, 1)
    )
    for row in (Row("a", 1), Row(a=1, b=Row(2)), Row.of_kind(RowKind.UPDATE_BEFORE, 1)):
        assert pickle.loads(pickle.dumps(row)) == row


def test_a_row_refuses_what_it_has_not():
    with pytest.raises(ValueError, match="with names or without, not both"):
        Row(1, a=2)
    with pytest.raises(AttributeError, match="the fields are a, b"):
        Row(a=1, b=2).c
    with pytest.raises(KeyError, match="have no names"):
        Row(1, 2)["a"]
    with pytest.raises(TypeError, match="have no names"):
        Row(1).as_dict()
    with pytest.raises(AttributeError, match=r"row\['a'\] = "):
        Row(a=1).a = 2


def test_a_field_of_a_row_is_set_by_name_and_by_place():
    row = Row(a=1, b=2)
    row["a"], row[1] = 3, 4
    assert list(row) == [3, 4] and len(row) == 2 and "b" in row


@pytest.mark.parametrize(
    "declared_type, value, printed",
    [
        (Types.BOOLEAN(), True, "true"),
        (Types.DOUBLE(), 1.0, "1.0"),
        (Types.DOUBLE(), 12345678.9, "1.23456789E7"),
        (Types.DOUBLE(), 0.001, "0.001"),
        (Types.DOUBLE(), 0.0001, "1.0E-4"),
        (Types.DOUBLE(), float("nan"), "NaN"),
        (Types.DOUBLE(), -0.0, "-0.0"),
        (Types.FLOAT(), 0.1, "0.1"),
        (Types.FLOAT(), 1 / 3, "0.33333334"),
        (TUPLE, ("a", 1), "(a,1)"),
        (Types.TUPLE([Types.BOOLEAN(), Types.LIST(Types.INT())]), (True, [1, None]), "(true,[1, null])"),
        (Types.MAP(Types.STRING(), Types.DOUBLE()), {"a": 1.0}, "{a=1.0}"),
        (Types.SQL_TIMESTAMP(), datetime.datetime(2020, 1, 2, 3, 4, 5, 6000), "2020-01-02 03:04:05.006"),
        (Types.SQL_TIME(), datetime.time(3, 4, 5, 6000), "03:04:05"),
        (Types.INSTANT(), Instant.of_epoch_milli(1500), "1970-01-01T00:00:01.500Z"),
        (Types.PICKLED_BYTE_ARRAY(), ("a", True), "('a', True)"),
    ],
)
def test_a_value_is_printed_as_java_shows_it(declared_type, value, printed):
    assert declared_type.printed(value) == printed


def test_spans_of_time_refuse_what_is_none():
    assert Time.seconds(0.5) == Time.milliseconds(500) and str(Time.days(1)) == "86400000 ms"
    assert Duration.of_hours(1) == Duration.of_minutes(60) and Duration.of_nanos(1_500_000).to_millis() == 1
    assert Instant.of_epoch_milli(-1).to_epoch_milli() == -1 and repr(Instant(1, 2)) == "Instant<1, 2>"
    for wrong in (
        lambda: Time.seconds("5"),
        lambda: Time.milliseconds(0.5),
        lambda: Duration.of_seconds(0.5),
    ):
        with pytest.raises(TypeError, match="a whole number of"):
            wrong()
