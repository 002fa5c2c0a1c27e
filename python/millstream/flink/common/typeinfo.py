"""Which type a stream's records have: what a program declares, and what that means for a record.

Answers for the types, their names and their equality. What makes a value fit is in `_conversion`, how one is
printed in `_printing`. There is no serializer to choose here: a declared type says what a record must be, how
it is printed, and what a source converts to.
Holds: a type can be pickled, and is equal to its copy.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from millstream.flink.common import _conversion
from millstream.flink.common._conversion import Conversion, TypeMismatch

__all__ = ["TypeInformation", "TypeMismatch", "Types"]


class TypeInformation:
    """The type of records, declared as `output_type`, `type_info` or `key_type`.

    >>> Types.TUPLE([Types.STRING(), Types.LONG()]).check(("a", "b"))
    "field 1: 'b' of type str was given where Types.LONG(), a whole number from -9223372036854775808 to \
9223372036854775807, was declared"
    >>> Types.LONG().convert(True), Types.DOUBLE().convert(3)
    (1, 3.0)
    """

    def check(self, value: Any) -> Optional[str]:
        """Why a value that a function returned does not fit, or `None` if it does."""
        try:
            self.convert(value)
        except TypeMismatch as error:
            return str(error)
        return None

    @property
    def convert(self) -> Conversion:
        """A function that gives a value as this type has it, or raises `TypeMismatch`. It is made once."""
        made = self.__dict__.get("_convert")
        if made is None:
            made = self.__dict__["_convert"] = self._conversion(False)
        return made

    @property
    def adopt(self) -> Conversion:
        """The same, for what a program gives to a source: a list may stand for a tuple, a dict for a row."""
        made = self.__dict__.get("_adopt")
        if made is None:
            made = self.__dict__["_adopt"] = self._conversion(True)
        return made

    @property
    def printed(self) -> Callable[[Any], str]:
        """A function that gives a value of this type as `print()` shows it."""
        from millstream.flink.common import _printing

        made = self.__dict__.get("_printed")
        if made is None:
            made = self.__dict__["_printed"] = _printing.printer(self)
        return made

    @property
    def takes_everything(self) -> bool:
        """Whether no value is refused or changed, so that nobody need ask."""
        return self.convert is _conversion.unchanged

    def _conversion(self, lenient: bool) -> Conversion:
        return _conversion.unchanged

    def _parts(self) -> Any:
        """What tells two types of one class apart."""
        return None

    def __getstate__(self) -> Dict[str, Any]:
        made = ("_convert", "_adopt", "_printed")
        return {name: value for name, value in self.__dict__.items() if name not in made}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._parts() == other._parts()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self).__name__, repr(self)))


def declared(type_info: Any, place: str) -> TypeInformation:
    """The type that a program gave; a list of types is a row of them, None is any Python object.

    Raises `TypeError` for anything else, naming the place.
    """
    if isinstance(type_info, TypeInformation):
        return type_info
    if type_info is None:
        return PickledBytesTypeInfo()
    if isinstance(type_info, list):
        return RowTypeInfo(type_info)
    called = " (call it: Types.STRING(), not Types.STRING)" if callable(type_info) else ""
    raise TypeError(f"{place} is a type such as Types.STRING(), {type_info!r} was given{called}")


def _elements(types: Any, place: str) -> List[TypeInformation]:
    if isinstance(types, (str, TypeInformation)) or not hasattr(types, "__iter__"):
        raise TypeError(
            f"{place} takes a list of types, as in {place}([Types.STRING(), Types.INT()]), not {types!r}"
        )
    return [_element(one, f"field {at} of {place}") for at, one in enumerate(types)]


def _element(type_info: Any, place: str) -> TypeInformation:
    if type_info is None:
        raise TypeError(f"{place} is a type such as Types.STRING(), None was given")
    return declared(type_info, place)


class BasicType(Enum):
    """The types that are one value, by their Java names."""

    STRING = "String"
    BYTE = "Byte"
    BOOLEAN = "Boolean"
    SHORT = "Short"
    INT = "Integer"
    LONG = "Long"
    FLOAT = "Float"
    DOUBLE = "Double"
    CHAR = "Char"
    BIG_INT = "BigInteger"
    BIG_DEC = "BigDecimal"
    INSTANT = "Instant"


def _instant(_name: str) -> Conversion:
    from millstream.flink.common.time import Instant

    return _conversion.optional(_conversion.instance("Types.INSTANT()", Instant))


_BASIC: Dict[BasicType, Callable[[str], Conversion]] = {
    BasicType.STRING: _conversion.text,
    BasicType.CHAR: _conversion.text,
    BasicType.BYTE: lambda name: _conversion.whole_number(name, 8),
    BasicType.SHORT: lambda name: _conversion.whole_number(name, 16),
    BasicType.INT: lambda name: _conversion.whole_number(name, 32),
    BasicType.LONG: lambda name: _conversion.whole_number(name, 64),
    BasicType.FLOAT: _conversion.single,
    BasicType.DOUBLE: _conversion.floating,
    BasicType.BOOLEAN: lambda name: _conversion.boolean,
    BasicType.BIG_INT: lambda name: _conversion.big_number,
    BasicType.BIG_DEC: lambda name: _conversion.decimal_number,
    BasicType.INSTANT: _instant,
}


class BasicTypeInfo(TypeInformation):
    """Text, numbers, truth values and instants."""

    def __init__(self, basic_type: BasicType) -> None:
        self._basic_type = basic_type

    def _conversion(self, lenient: bool) -> Conversion:
        return _BASIC[self._basic_type](f"Types.{self._basic_type.name}()")

    def _parts(self) -> Any:
        return self._basic_type

    def __repr__(self) -> str:
        return self._basic_type.value


class DateTypeInfo(TypeInformation):
    """Days, as `datetime.date`."""

    def _conversion(self, lenient: bool) -> Conversion:
        return _conversion.date

    def __repr__(self) -> str:
        return "DateTypeInfo"


class TimeTypeInfo(TypeInformation):
    """Times of a day, as `datetime.time`."""

    def _conversion(self, lenient: bool) -> Conversion:
        return _conversion.time_of_day

    def __repr__(self) -> str:
        return "TimeTypeInfo"


class TimestampTypeInfo(TypeInformation):
    """Days with a time, as `datetime.datetime`."""

    def _conversion(self, lenient: bool) -> Conversion:
        import datetime

        return _conversion.instance("Types.SQL_TIMESTAMP()", datetime.datetime)

    def __repr__(self) -> str:
        return "TimestampTypeInfo"


class PickledBytesTypeInfo(TypeInformation):
    """Any Python object: what a stream has whose type nobody declared."""

    def __repr__(self) -> str:
        return "PickledByteArrayTypeInfo"


class _ElementsTypeInfo(TypeInformation):
    """Lists whose elements are of one type."""

    _factory = "LIST"
    #: Whether an element may be None.
    _nullable = True

    def __init__(self, element_type: TypeInformation) -> None:
        self._element_type = _element(element_type, f"the element of Types.{self._factory}")

    def _conversion(self, lenient: bool) -> Conversion:
        inner = self._element_type._conversion(lenient)
        inner = _conversion.optional(inner) if self._nullable else inner
        return _conversion.sequence(f"Types.{self._factory}(...)", inner, lenient)

    def _parts(self) -> Any:
        return self._element_type

    def __repr__(self) -> str:
        return f"{type(self).__name__}<{self._element_type!r}>"


class ListTypeInfo(_ElementsTypeInfo):
    """Lists."""

    @property
    def elem_type(self) -> TypeInformation:
        """The type of the elements."""
        return self._element_type


class PrimitiveArrayTypeInfo(_ElementsTypeInfo):
    """Lists of numbers or truth values, none of which is None; of `Types.BYTE()`: bytes."""

    _factory = "PRIMITIVE_ARRAY"
    _nullable = False
    _allowed: Tuple[str, ...] = ("BOOLEAN", "BYTE", "SHORT", "INT", "LONG", "FLOAT", "DOUBLE", "CHAR")

    def __init__(self, element_type: TypeInformation) -> None:
        super().__init__(element_type)
        name = self._element_type._basic_type.name if isinstance(self._element_type, BasicTypeInfo) else ""
        if name not in self._allowed:
            raise TypeError(
                f"the element of Types.{self._factory} is one of Types.{'(), Types.'.join(self._allowed)}(), "
                f"{self._element_type!r} was given; Types.OBJECT_ARRAY and Types.LIST take any type"
            )

    def _conversion(self, lenient: bool) -> Conversion:
        if self._factory == "PRIMITIVE_ARRAY" and self._element_type == Types.BYTE():
            return _conversion.octets
        return super()._conversion(lenient)


class BasicArrayTypeInfo(PrimitiveArrayTypeInfo):
    """Lists of text, numbers or truth values, some of which may be None."""

    _factory = "BASIC_ARRAY"
    _nullable = True
    _allowed = (*PrimitiveArrayTypeInfo._allowed, "STRING")


class ObjectArrayTypeInfo(_ElementsTypeInfo):
    """Lists of anything else."""

    _factory = "OBJECT_ARRAY"


class MapTypeInfo(TypeInformation):
    """Dictionaries whose keys are of one type and whose values of another; a value may be None."""

    def __init__(self, key_type_info: TypeInformation, value_type_info: TypeInformation) -> None:
        self._key_type_info = _element(key_type_info, "the key of Types.MAP")
        self._value_type_info = _element(value_type_info, "the value of Types.MAP")

    def _conversion(self, lenient: bool) -> Conversion:
        value = _conversion.optional(self._value_type_info._conversion(lenient))
        return _conversion.mapping("Types.MAP(...)", self._key_type_info._conversion(lenient), value)

    def _parts(self) -> Any:
        return self._key_type_info, self._value_type_info

    def __repr__(self) -> str:
        return f"MapTypeInfo<{self._key_type_info!r}, {self._value_type_info!r}>"


class TupleTypeInfo(TypeInformation):
    """Tuples, each of whose fields has its type. No field may be None."""

    def __init__(self, field_types: Sequence[TypeInformation]) -> None:
        self._field_types = _elements(field_types, "Types.TUPLE")

    def get_field_types(self) -> List[TypeInformation]:
        """The types of the fields."""
        return self._field_types

    def _conversion(self, lenient: bool) -> Conversion:
        inners = [one._conversion(lenient) for one in self._field_types]
        return _conversion.fields(f"Types.TUPLE([{_listed(self._field_types)}])", inners, lenient)

    def _parts(self) -> Any:
        return self._field_types

    def __repr__(self) -> str:
        return f"TupleTypeInfo({_listed(self._field_types)})"


class RowTypeInfo(TypeInformation):
    """Rows, each of whose fields has its type and its name. A field may be None."""

    def __init__(
        self, field_types: Sequence[TypeInformation], field_names: Optional[Sequence[str]] = None
    ) -> None:
        self._field_types = _elements(field_types, "Types.ROW" if field_names is None else "Types.ROW_NAMED")
        self._named = bool(field_names)
        self._field_names = list(field_names or [f"f{at}" for at in range(len(self._field_types))])
        if len(self._field_names) != len(self._field_types):
            raise ValueError(
                f"Types.ROW_NAMED takes as many names as types, {len(self._field_names)} names and "
                f"{len(self._field_types)} types were given"
            )
        if len(set(self._field_names)) != len(self._field_names):
            raise ValueError(f"the names of the fields of a row differ, {self._field_names} were given")

    def get_field_names(self) -> List[str]:
        """The names of the fields; `f0`, `f1`, ... if none were given."""
        return self._field_names

    def get_field_types(self) -> List[TypeInformation]:
        """The types of the fields."""
        return self._field_types

    def get_field_index(self, field_name: str) -> int:
        """Which field has this name. Raises `ValueError` if none has."""
        if field_name not in self._field_names:
            raise ValueError(
                f"there is no field {field_name!r}, the fields are {', '.join(self._field_names)}"
            )
        return self._field_names.index(field_name)

    def _conversion(self, lenient: bool) -> Conversion:
        inners = [_conversion.optional(one._conversion(lenient)) for one in self._field_types]
        return _conversion.row(
            f"Types.ROW([{_listed(self._field_types)}])", self._field_names, inners, lenient
        )

    def _parts(self) -> Any:
        return self._field_types

    def __repr__(self) -> str:
        if not self._named:
            return f"RowTypeInfo({_listed(self._field_types)})"
        pairs = zip(self._field_names, self._field_types)
        return f"RowTypeInfo({', '.join(f'{name}: {one!r}' for name, one in pairs)})"


def _listed(types: Sequence[TypeInformation]) -> str:
    return ", ".join(map(repr, types))


class Types:
    """The types that a program can declare.

    >>> Types.ROW_NAMED(["name", "age"], [Types.STRING(), Types.INT()])
    RowTypeInfo(name: String, age: Integer)
    """

    @staticmethod
    def STRING() -> TypeInformation:
        """Text: `str`."""
        return BasicTypeInfo(BasicType.STRING)

    @staticmethod
    def BYTE() -> TypeInformation:
        """Whole numbers of 8 bits."""
        return BasicTypeInfo(BasicType.BYTE)

    @staticmethod
    def BOOLEAN() -> TypeInformation:
        """Truth values: `bool`."""
        return BasicTypeInfo(BasicType.BOOLEAN)

    @staticmethod
    def SHORT() -> TypeInformation:
        """Whole numbers of 16 bits."""
        return BasicTypeInfo(BasicType.SHORT)

    @staticmethod
    def INT() -> TypeInformation:
        """Whole numbers of 32 bits."""
        return BasicTypeInfo(BasicType.INT)

    @staticmethod
    def LONG() -> TypeInformation:
        """Whole numbers of 64 bits."""
        return BasicTypeInfo(BasicType.LONG)

    @staticmethod
    def FLOAT() -> TypeInformation:
        """Numbers with a fraction, of 32 bits."""
        return BasicTypeInfo(BasicType.FLOAT)

    @staticmethod
    def DOUBLE() -> TypeInformation:
        """Numbers with a fraction, of 64 bits: `float`."""
        return BasicTypeInfo(BasicType.DOUBLE)

    @staticmethod
    def CHAR() -> TypeInformation:
        """Single characters: `str`."""
        return BasicTypeInfo(BasicType.CHAR)

    @staticmethod
    def BIG_INT() -> TypeInformation:
        """Whole numbers of any size: `int`."""
        return BasicTypeInfo(BasicType.BIG_INT)

    @staticmethod
    def BIG_DEC() -> TypeInformation:
        """Exact decimal numbers: `decimal.Decimal`."""
        return BasicTypeInfo(BasicType.BIG_DEC)

    @staticmethod
    def INSTANT() -> TypeInformation:
        """Points in time: `Instant`, or None."""
        return BasicTypeInfo(BasicType.INSTANT)

    @staticmethod
    def SQL_DATE() -> TypeInformation:
        """Days: `datetime.date`."""
        return DateTypeInfo()

    @staticmethod
    def SQL_TIME() -> TypeInformation:
        """Times of a day: `datetime.time`."""
        return TimeTypeInfo()

    @staticmethod
    def SQL_TIMESTAMP() -> TypeInformation:
        """Days with a time: `datetime.datetime`."""
        return TimestampTypeInfo()

    @staticmethod
    def PICKLED_BYTE_ARRAY() -> TypeInformation:
        """Any Python object."""
        return PickledBytesTypeInfo()

    @staticmethod
    def ROW(field_types: List[TypeInformation]) -> RowTypeInfo:
        """Rows, whose fields are called `f0`, `f1`, ..."""
        return RowTypeInfo(field_types)

    @staticmethod
    def ROW_NAMED(field_names: List[str], field_types: List[TypeInformation]) -> RowTypeInfo:
        """Rows, whose fields have these names."""
        return RowTypeInfo(field_types, field_names)

    @staticmethod
    def TUPLE(field_types: List[TypeInformation]) -> TupleTypeInfo:
        """Tuples."""
        return TupleTypeInfo(field_types)

    @staticmethod
    def PRIMITIVE_ARRAY(element_type: TypeInformation) -> TypeInformation:
        """Lists of numbers or truth values, none of them None; bytes if the element is `Types.BYTE()`."""
        return PrimitiveArrayTypeInfo(element_type)

    @staticmethod
    def BASIC_ARRAY(element_type: TypeInformation) -> TypeInformation:
        """Lists of numbers, truth values or text; elements may be None."""
        return BasicArrayTypeInfo(element_type)

    @staticmethod
    def OBJECT_ARRAY(element_type: TypeInformation) -> TypeInformation:
        """Lists of anything; elements may be None."""
        return ObjectArrayTypeInfo(element_type)

    @staticmethod
    def MAP(key_type_info: TypeInformation, value_type_info: TypeInformation) -> TypeInformation:
        """Dictionaries."""
        return MapTypeInfo(key_type_info, value_type_info)

    @staticmethod
    def LIST(element_type_info: TypeInformation) -> TypeInformation:
        """Lists."""
        return ListTypeInfo(element_type_info)
