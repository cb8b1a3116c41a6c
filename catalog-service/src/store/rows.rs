/// An `insert` of several rows: `head` stands before them, and each is written as `row`, whose `#`s are parameters of its own. They
/// are numbered behind `shared` ones, which every row has.
pub fn insert(head: &str, row: &str, shared: usize, rows: usize) -> String {
    let mut sql = String::with_capacity(head.len() + rows * (row.len() + 8));
    sql.push_str(head);
    let mut place = shared;
    for number in 0..rows {
        sql.push_str(if number == 0 { " " } else { ", " });
        for (n, part) in row.split('#').enumerate() {
            if n > 0 {
                place += 1;
                sql.push('$');
                sql.push_str(&place.to_string());
            }
            sql.push_str(part);
        }
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_the_shared_parameters_and_its_own() {
        assert_eq!(
            insert("insert into t (a, b, c) values", "($1, #, hex(#))", 1, 2),
            "insert into t (a, b, c) values ($1, $2, hex($3)), ($1, $4, hex($5))"
        );
        assert_eq!(insert("insert into t (a) values", "(#)", 0, 1), "insert into t (a) values ($1)");
    }
}
