"""
Message properties as one text.

Follows C{MessageDecoder.messageProperties2String} and
C{string2messageProperties} of Java.
"""

from __future__ import annotations

from collections.abc import Mapping

NAME_END = "\x01"
VALUE_END = "\x02"


def encodeProperties(properties: Mapping[str, str]) -> str:
    """
    Write properties, each as name, U+0001, value, U+0002.

    An empty value is written, but will not be there when it is read.

    @raise ValueError: A name or a value has one of the two characters in it:
        it would be read as another property.
    """
    text = "".join([f"{name}\x01{value}\x02" for name, value in properties.items()])
    count = len(properties)
    if text.count(NAME_END) != count or text.count(VALUE_END) != count:
        raise ValueError("a property has U+0001 or U+0002 in it")
    return text


def decodeProperties(text: str) -> dict[str, str]:
    """
    Read properties.

    Any text can be read: what has no name or no value is left out, and the
    last separator may be missing, as brokers before 5.2 left it out.
    """
    properties = {}
    for pair in text.split(VALUE_END):
        name, _, value = pair.partition(NAME_END)
        if name and value:
            properties[name] = value
    return properties
