use service_kit::Silence;

use crate::moody::{Mood, Moody, ask, words};

const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

#[tokio::test]
async fn an_answer_in_many_pieces_is_whole_and_one_without_end_is_none() {
    let service = Moody::start(Mood::Well).await;
    let client = service.client();
    for bytes in [0, 1, 100_000, MAX_ANSWER_BYTES] {
        service.is(Mood::Says(bytes));
        let answer = ask(&client).await.unwrap();
        assert!(answer.body == words(bytes), "{bytes} bytes, of which {} came", answer.body.len());
    }
    service.is(Mood::Says(MAX_ANSWER_BYTES + 1));
    match ask(&client).await {
        Err(Silence::Lost(why)) => assert_eq!(why.0, "the answer is longer than 4194304 bytes"),
        other => panic!("{other:?}"),
    }
}
