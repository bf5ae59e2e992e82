"""The tools of the built-in agent task: a calculator and a small warehouse that knows little and says so."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

from assay.core.task import Tool

STOCK: Mapping[str, Mapping[str, int | float]] = {
    "bolt": {"stock": 1400, "price_usd": 0.25, "aisle": 3},
    "hammer": {"stock": 36, "price_usd": 18.5, "aisle": 1},
    "ladder": {"stock": 7, "price_usd": 89.0, "aisle": 9},
    "paint": {"stock": 52, "price_usd": 24.0, "aisle": 6},
    "rope": {"stock": 0, "price_usd": 12.75, "aisle": 4},
    "saw": {"stock": 19, "price_usd": 31.0, "aisle": 1},
    "tarp": {"stock": 84, "price_usd": 9.5, "aisle": 4},
}
ORDERS: Mapping[str, Mapping[str, int | str]] = {
    "A-101": {"item": "hammer", "quantity": 4, "state": "shipped"},
    "A-102": {"item": "paint", "quantity": 15, "state": "open"},
    "A-103": {"item": "ladder", "quantity": 9, "state": "open"},
    "B-200": {"item": "bolt", "quantity": 600, "state": "cancelled"},
}
BROKEN_ORDER = "B-201"
LONGEST_EXPRESSION = 200

_BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def calculate(expression: str) -> str:
    """The value of an arithmetic expression, as text without trailing zeros.

    Raises:
        ValueError: It holds something else than numbers, ``+ - * /`` and brackets, or divides by zero.

    Examples:
        >>> calculate("(3 + 4) * 2.5")
        '17.5'
    """
    if len(expression) > LONGEST_EXPRESSION:
        raise ValueError(f"an expression has at most {LONGEST_EXPRESSION} characters")
    try:
        value = _value(ast.parse(expression, mode="eval").body)
    except (SyntaxError, ZeroDivisionError, RecursionError) as error:
        raise ValueError(f"{expression!r} cannot be calculated: {error}") from error
    return f"{value:.10g}"


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left), _value(node.right))
    raise ValueError("only numbers, + - * / and brackets are understood")


def look_up_item(item: str) -> Mapping[str, int | float]:
    """Stock, price and aisle of an item; raises LookupError naming the items for any other word."""
    if item not in STOCK:
        raise LookupError(f"no item {item!r}; items are: {', '.join(STOCK)}")
    return STOCK[item]


def look_up_order(order_id: str) -> Mapping[str, int | str]:
    """An order's item, quantity and state; one order's record is damaged and always fails."""
    if order_id == BROKEN_ORDER:
        raise RuntimeError(f"the record of order {order_id} is damaged")
    if order_id not in ORDERS:
        raise LookupError(f"no order {order_id!r}")
    return ORDERS[order_id]


def _parameters(name: str, description: str) -> Mapping[str, object]:
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": description}},
        "required": [name],
        "additionalProperties": False,
    }


TOOLS = (
    Tool(
        name="calculate",
        description="Calculates an arithmetic expression of numbers, + - * / and brackets.",
        parameters=_parameters("expression", "for example (3 + 4) * 2.5"),
        run=calculate,
    ),
    Tool(
        name="look_up_item",
        description="Stock, price in US dollars and aisle of one warehouse item, by its singular lower-case name.",
        parameters=_parameters("item", "for example hammer"),
        run=look_up_item,
    ),
    Tool(
        name="look_up_order",
        description="Item, quantity and state of one order.",
        parameters=_parameters("order_id", "a letter, a hyphen and three digits, for example A-101"),
        run=look_up_order,
    ),
)
