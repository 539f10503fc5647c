//! What was measured.

/// What a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Nanoseconds per decision.
    Decide,
    /// Nanoseconds per compile of all policies.
    Compile,
    /// Nanoseconds per load of the text.
    Load,
}

impl Question {
    fn name(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::Compile => "compile",
            Self::Load => "load",
        }
    }
}

/// One figure, in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) question: Question,
    pub(crate) input: String,
    /// Rules, or prefixes where the input is a list of them; 0 if it is not known.
    pub(crate) size: usize,
    /// Bytes of text.
    pub(crate) bytes: usize,
    pub(crate) stream: String,
    pub(crate) subject: &'static str,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) rounds: usize,
}

/// All figures, in the order in which they were measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(pub(crate) Vec<Figure>);

impl Figures {
    /// Those that answer a question.
    pub(crate) fn of(&self, question: Question) -> impl Iterator<Item = &Figure> {
        self.0.iter().filter(move |figure| figure.question == question)
    }

    pub(crate) fn to_csv(&self) -> String {
        let mut text = String::from("question,input,size,bytes,stream,subject,median_ns,min_ns,rounds\n");
        for figure in &self.0 {
            let Figure { question, input, size, bytes, stream, subject, median, min, rounds } = figure;
            let question = question.name();
            text.push_str(&format!("{question},{input},{size},{bytes},{stream},\"{subject}\",{median:.2},{min:.2},{rounds}\n"));
        }
        text
    }
}
