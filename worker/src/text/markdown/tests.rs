//! How Markdown reads in a chat, construct by construct.

use super::*;

fn assert_reads(markdown: &str, text: &str) {
    assert_eq!(to_text(markdown), text, "{markdown}");
}

#[test]
fn an_answer_reads_well_in_a_chat() {
    assert_reads(
        "# 如何退货\n\n您好！**退货**很简单，请看[说明](https://x.cn/r?a=1&b=2)：\n\n1. 打开*订单*\n2. 选择商品\n   - 未发货\n   \
         - 已发货\n3. 提交\n\n> 注意：七天内\n> 有效\n\n| 方式 | 时间 | 费用 |\n|---|:-:|--:|\n| 快递 | 3天 | 10元 |\n| 自提 | \
         | **免费** |\n\n```python\nprint(\"**hi**\")\n\nx = 1\n```\n\n---\n\n再见 :)",
        "【如何退货】\n您好！退货很简单，请看<a href=\"https://x.cn/r?a=1&b=2\">说明</a>：\n\n1. 打开订单\n2. 选择商品\n  • 未发货\n  \
         • 已发货\n3. 提交\n\n│ 注意：七天内\n│ 有效\n\n• 方式：快递\n  时间：3天\n  费用：10元\n• 方式：自提\n  费用：免费\n\n\
         print(\"**hi**\")\n\nx = 1\n\n———\n\n再见 :)",
    );
}

#[test]
fn emphasis_is_dropped_also_where_commonmark_does_not_see_it() {
    assert_reads("**a** *b* __c__ _d_ ~~e~~ ***f***", "a b c d e f");
    assert_reads("这是**重点：**后面 **“引用”**和", "这是重点：后面 “引用”和");
    assert_reads("2**10 * 3 ** 4 \\*\\* a_b_c", "2**10 * 3 ** 4 ** a_b_c");
    assert_reads("`**重点：**后` and `a*b`", "**重点：**后 and a*b");
}

#[test]
fn arithmetic_code_and_formulas_keep_their_signs() {
    for text in [
        "3*4*5=60",
        "3*4=12, 5*6=30",
        "a*b*c",
        "(a+b)*c*(d)",
        "2**3**2 and x**n, y**m",
        "f(a**2, b**2)",
        "面积=长*宽*高",
        "10~20元，30~40元",
        "snake_case_names and __init__.py",
        "$a*b*c$ and $$\nx_1 * y_2 * z_3\n$$",
        "\\(a_1*b*c \\{x\\}\\) and \\[ \\frac{a}{b} \\\\ c*d*e \\]",
        "\\begin{cases} a & b \\\\ c*d*e \\end{cases}",
        "it costs $5*2 or $6*3",
        "*args, **kwargs",
    ] {
        assert_reads(text, text);
    }
    assert_reads("a `\\(x*y*z\\)` b", "a \\(x*y*z\\) b");
    assert_reads("这是*重点*后面 (*a*) *b*, **c**d", "这是重点后面 (a) b, cd");
}

#[test]
fn addresses_stay_whole_and_bare() {
    for address in [
        "https://x.cn/__init__/a",
        "https://x.cn/*a*/~~b~~?c=1&d=2",
        "https://x.cn/a_b_c",
        "http://x.cn/#*a*b",
    ] {
        assert_reads(&format!("见 {address} 。"), &format!("见 {address} 。"));
    }
    assert_reads("**https://x.cn/**", "https://x.cn/");
    assert_reads("<https://x.cn/>, <me@x.cn>", "https://x.cn/, me@x.cn");
    assert_reads("[https://x.cn/](https://x.cn/)", "https://x.cn/");
}

#[test]
fn links_and_images_become_links() {
    assert_reads("[`a` **b**\nc](<http://x/a b> \"title\")", "<a href=\"http://x/a%20b\">a b c</a>");
    assert_reads(
        "![图](http://x/p.png) ![](http://x/p.png)",
        "<a href=\"http://x/p.png\">图</a> <a href=\"http://x/p.png\">图片</a>",
    );
    assert_reads("[![图](http://x/p.png)](http://x/)", "<a href=\"http://x/\">图</a>");
    assert_reads("[电话](tel:10086)", "<a href=\"tel:10086\">电话</a>");
    assert_reads("[文档](docs/a.md) [顶](#top) [空]() [x](javascript:alert)", "文档 docs/a.md 顶 空 x");
    assert_reads("![图](data:image/png;base64,AAAA)", "图");
    assert_reads("[a</a>b](http://x/)", "a</a>b http://x/");
    assert_reads("[说明][1]\n\n[1]: http://x/", "<a href=\"http://x/\">说明</a>");
}

#[test]
fn html_gives_way_to_what_it_means() {
    assert_reads(
        "a<br>b <b>c</b> <a href='http://x/'>d</a> Vec<String> 1 < 2 &lt;x&gt; <!-- e -->f",
        "a\nb c <a href='http://x/'>d</a> Vec<String> 1 < 2 <x> f",
    );
    assert_reads("<div>\n<p>a</p>\n</div>\n\nb", "a\n\nb");
    assert_reads("| a | b |\n|-|-|\n| x<br>y | z |", "• a: x y\n  b: z");
}

#[test]
fn lists_are_indented_by_level_and_keep_their_numbers() {
    assert_reads("3. a\n\n   b\n4. c\n\n   ```\n   d\n   e\n   ```", "3. a\n\n  b\n\n4. c\n\n  d\n  e");
    assert_reads("- [x] a\n- [ ] b\n-\n- c", "• ☑ a\n• ☐ b\n• \n• c");
    assert_reads("text\n- a\n  more\n- b\n\ntext", "text\n\n• a\n  more\n• b\n\ntext");
    assert_reads("> - a\n>   > b", "│ • a\n\n│   │ b");
}

#[test]
fn a_table_of_headers_alone_is_a_line() {
    assert_reads("| a | b |\n|-|-|", "a | b");
}

#[test]
fn headings_stand_on_a_line_of_their_own() {
    assert_reads("a\n\nB\n===\nc\n\n#\n\n### 【d】 #\n\n- e", "a\n\n【B】\nc\n\n【d】\n• e");
    assert_reads("## [a](http://x/)", "【<a href=\"http://x/\">a</a>】");
}

#[test]
fn deep_nesting_neither_recurses_nor_repeats_what_was_written() {
    let depth = 50_000;
    for sign in ["> ", "- ", "*", "[", "![", "**a ", "<b>", "`", "| ", "\\"] {
        let text = to_text(&format!("{}x", sign.repeat(depth)));
        assert!(text.len() <= 20 * depth, "{sign}: {}", text.len());
    }
}
