"""Graphs in text form that are wrong: (name, text, words). All are INVALID_MODEL, those of
EXHAUSTED RESOURCE_EXHAUSTED."""

EXHAUSTED = {"described_huge"}

RIGHT = """graph main(%x: f32[N, 3]) {
  %w = const f32[3] [1.0, 2.0, 3.0]
  %y = Softmax(%x) {axis = 1} "s"
  return %y as "out"
}
"""


def body(statement, result="%y"):
    return f"graph main(%x: f32[2, 3]) {{\n  {statement}\n  return {result}\n}}\n"


def cases():
    yield "right", RIGHT, None
    for part in (5, 10, 25, 40, 55, 70, 85, 95):
        yield f"cut_at_{part}", RIGHT[: 7 + (len(RIGHT) - 8) * part // 100], "line"
    statements = {
        "unknown_operator": ("%y = Swirl(%x)", "unknown operator Swirl"),
        "unknown_attribute": ("%y = Softmax(%x) {blue = 1}", "no attribute 'blue'"),
        "attribute_type": ('%y = Softmax(%x) {axis = "one"}', "wrong type"),
        "attribute_twice": ("%y = Softmax(%x) {axis = 1, axis = 1}", ""),
        "attribute_range": ("%y = Softmax(%x) {axis = 99999999999999999999}", ""),
        "axis": ("%y = Softmax(%x) {axis = 7}", "axis is 7"),
        "undefined": ("%y = Softmax(%q)", "q"),
        "defined_twice": ("%x = Softmax(%x)", "x"),
        "reads_itself": ("%y = Softmax(%y)", "y"),
        "no_bracket": ("%y = Softmax(%x", ""),
        "no_equals": ("%y Softmax(%x)", ""),
        "wrong_type": ("%y: f32[5] = Softmax(%x)", ""),
        "bad_type": ("%y: f33[5] = Softmax(%x)", "f33"),
        "constant_short": ("%y = const f32[3] [1.0]", ""),
        "constant_long": ("%y = const f32[1] [1.0, 2.0]", ""),
        "constant_huge": ("%y = const f32[4611686018427387904] [1.0]", ""),
        "constant_overflow": ("%y = const f32[4611686018427387904, 16] [1.0]", ""),
        "constant_negative": ("%y = const f32[-3] [1.0]", ""),
        "constant_words": ("%y = const f32[1] [one]", ""),
        "constant_range": ("%y = const i8[1] [300]", ""),
        "constant_hash": ("%y = const f32[100] @0123456789abcdef0123456789abcdef", ""),
        "constant_hash_short": ("%y = const f32[100] @0123", ""),
        "constant_symbol": ("%y = const f32[N] [1.0]", ""),
        "constant_string": ('%y = const f32[1] ["a"]', ""),
        "described_huge": ("%y = const f32[1099511627776] normal(0.0, 1.0, 7)", ""),
        "described_unknown": ("%y = const f32[4] gamma(0.0, 1.0, 7)", ""),
        "quote": ('%y = Softmax(%x) "open', ""),
        "escape": ('%y = Softmax(%x) "\\xzz"', "bad escape"),
        "dimension": ("%y: f32[2 +] = Softmax(%x)", ""),
        "dimension_nested": ("%y: f32[" + "(" * 500 + "] = Softmax(%x)", ""),
        "dimension_overflow": ("%y: f32[9223372036854775807 * 9] = Softmax(%x)", ""),
        "division_by_zero": ("%y: f32[floordiv(N, 0)] = Softmax(%x)", ""),
        "mod_by_zero": ("%y: f32[mod(4, 0)] = Softmax(%x)", ""),
        "type_nested": ("%y: " + "seq(" * 100 + " = Softmax(%x)", ""),
        "list_nested": ("%y = Softmax(%x) {axis = " + "[" * 500 + "}", ""),
        "nul": ("%y = Soft\0max(%x)", ""),
    }
    for name, (statement, words) in statements.items():
        yield name, body(statement), words
    nest = "graph g() { %a = If(%x) " * 40
    yield "nested_graphs", f"graph main(%x: f32[1]) {{ %y = If(%x) {nest}", ""
    yield "no_name", "graph (", ""
    yield "nothing_else", "graph main() { return }\n", None
    yield "rest", RIGHT + "more", "after the graph"
    yield "input_twice", "graph main(%x: f32[1], %x: f32[1]) { return %x }", "x"
    yield "huge_input", "graph main(%x: f32[4611686018427387904, 64]) { return %x }", ""
    yield "output_undefined", body("%y = Softmax(%x)", "%q"), "q"
    yield "long_line", body('%y = Softmax(%x) "' + "n" * 1_000_000), ""
